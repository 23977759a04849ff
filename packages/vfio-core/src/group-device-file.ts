/** A device that was opened through its group. Kernel: `vfio_device_open_file`. */
import { acquire, type Operation, release } from '@vfiokit/locking'
import type { IoctlCall } from './device-driver.ts'
import { DeviceFile } from './device-file.ts'
import type { GroupFile } from './group-file.ts'
import { DEVICE_IOCTL } from './uapi/index.ts'
import type { VfioDevice } from './vfio-device.ts'
import { VfioError } from './vfio-error.ts'

/** What GROUP_GET_DEVICE_FD answers with. */
export class GroupDeviceFile extends DeviceFile {
  /** @param groupFile - Kept open by the device, so that the group outlives it. */
  constructor(
    device: VfioDevice,
    readonly groupFile: GroupFile,
  ) {
    super(device, groupFile.profile)
    groupFile.take()
  }

  override ioctl(call: IoctlCall): Operation<number> {
    if (call.request === DEVICE_IOCTL.DEVICE_BIND_IOMMUFD && this.profile.deviceNodes)
      throw new VfioError('EINVAL', 'unsupported', `${this.title} was opened through its group`)
    return super.ioctl(call)
  }

  protected override *release(): Operation<void> {
    try {
      yield* this.#close()
    } finally {
      // Last, and outside group_lock: it may be the last reference of the group file.
      yield* this.groupFile.drop()
    }
  }

  /** Kernel: `vfio_df_group_close`: group_lock, then the lock of the set. */
  *#close(): Operation<void> {
    const { lock } = this.device.group
    yield* acquire(lock)
    try {
      yield* this.closeDevice()
    } finally {
      yield* release(lock)
    }
  }
}
