/** An open device, whichever way it was opened. Kernel: `struct vfio_device_file`. */
import { type Awaitable, closeDevice, type Operation } from '@vfiokit/locking'
import type { IoctlCall, MapAdmission, Transfer } from './device-driver.ts'
import { useFeature } from './feature/use-feature.ts'
import type { KernelProfile } from './kernel-profile.ts'
import { lengthOf } from './mm/user-buffer.ts'
import type { VmaBacking } from './mm/vma.ts'
import { OpenFile } from './open-file.ts'
import { DEVICE_IOCTL } from './uapi/index.ts'
import type { VfioDevice } from './vfio-device.ts'

/** What device files have in common. */
export abstract class DeviceFile extends OpenFile {
  readonly title: string

  constructor(
    readonly device: VfioDevice,
    /** The kernel's answers where kernels differ. */
    readonly profile: KernelProfile,
  ) {
    super()
    this.title = `device ${device.id}`
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

  /** Decides whether a mapping may be. @see DeviceDriver.mmap */
  mmap(admission: MapAdmission): VmaBacking {
    return this.device.driver.mmap(admission)
  }

  /** The last file disables the device, with the lock of the set. Kernel: `vfio_df_close`. */
  protected closeDevice(): Operation<void> {
    const { device } = this
    return closeDevice(device.strategy, device, function* () {
      try {
        yield* device.driver.disable()
        device.exports.orphanAll()
      } finally {
        device.closed()
      }
    })
  }
}
