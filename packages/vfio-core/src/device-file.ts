/** An open device. Kernel: `struct vfio_device_file`. */
import { type Awaitable, acquire, closeDevice, type Operation, release } from '@vfiokit/locking'
import type { IoctlCall, Transfer } from './device-driver.ts'
import { useFeature } from './feature/use-feature.ts'
import type { GroupFile } from './group-file.ts'
import type { KernelProfile } from './kernel-profile.ts'
import { lengthOf } from './mm/user-buffer.ts'
import { OpenFile } from './open-file.ts'
import { DEVICE_IOCTL } from './uapi/index.ts'
import type { VfioDevice } from './vfio-device.ts'

/** What GROUP_GET_DEVICE_FD answers with. */
export class DeviceFile extends OpenFile {
  readonly title: string

  /** @param groupFile - Kept open by the device, so that the group outlives it. */
  constructor(
    readonly device: VfioDevice,
    readonly groupFile: GroupFile,
  ) {
    super()
    this.title = `device ${device.id}`
    groupFile.take()
  }

  /** The kernel's answers where kernels differ. */
  get profile(): KernelProfile {
    return this.groupFile.profile
  }

  override ioctl(call: IoctlCall): Operation<number> {
    const isFeature = call.request === DEVICE_IOCTL.DEVICE_FEATURE
    return this.#powered(isFeature ? useFeature(this, call) : this.device.driver.ioctl(call))
  }

  /** Reading nothing works at any offset. */
  override *read(transfer: Transfer): Operation<number> {
    if (lengthOf(transfer.buffer) === 0) return 0
    return yield* this.#powered(this.device.driver.read(transfer))
  }

  override *write(transfer: Transfer): Operation<number> {
    if (lengthOf(transfer.buffer) === 0) return 0
    return yield* this.#powered(this.device.driver.write(transfer))
  }

  override readNow(offset: number, out: Uint8Array): Awaitable<number> | undefined {
    return this.device.driver.readNow?.(offset, out)
  }

  override writeNow(offset: number, data: Uint8Array): Awaitable<number> | undefined {
    return this.device.driver.writeNow?.(offset, data)
  }

  #powered<T>(use: Operation<T>): Operation<T> {
    const { driver } = this.device
    return driver.powered === undefined ? use : driver.powered(use)
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
    const { device } = this
    yield* acquire(device.group.lock)
    try {
      yield* closeDevice(device.strategy, device, function* () {
        try {
          yield* device.driver.disable()
          device.exports.orphanAll()
        } finally {
          device.closed()
        }
      })
    } finally {
      yield* release(device.group.lock)
    }
  }
}
