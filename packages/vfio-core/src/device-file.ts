/** An open device. Kernel: `struct vfio_device_file`. */
import { type Awaitable, closeDevice, type Operation } from '@vfiokit/locking'
import type { IoctlCall, Transfer } from './device-driver.ts'
import type { GroupFile } from './group-file.ts'
import { OpenFile } from './open-file.ts'
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

  override ioctl(call: IoctlCall): Operation<number> {
    return this.device.driver.ioctl(call)
  }

  override read(transfer: Transfer): Operation<number> {
    return this.device.driver.read(transfer)
  }

  override write(transfer: Transfer): Operation<number> {
    return this.device.driver.write(transfer)
  }

  override readNow(offset: number, out: Uint8Array): Awaitable<number> | undefined {
    return this.device.driver.readNow?.(offset, out)
  }

  override writeNow(offset: number, data: Uint8Array): Awaitable<number> | undefined {
    return this.device.driver.writeNow?.(offset, data)
  }

  protected override *release(): Operation<void> {
    const { device } = this
    yield* closeDevice(device.strategy, device, function* () {
      yield* device.driver.disable()
      device.lifecycle.handle('close')
    })
    yield* this.groupFile.drop()
  }
}
