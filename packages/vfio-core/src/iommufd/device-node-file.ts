/**
 * A device that was opened by its own node, `/dev/vfio/devices/vfioN`. It is of no use before it is bound to
 * an iommufd; then it is this file's alone.
 *
 * Kernel: drivers/vfio/device_cdev.c.
 */
import { acquire, type Operation, openDevice, release } from '@vfiokit/locking'
import type { IoctlCall, MapAdmission, Transfer } from '../device-driver.ts'
import { DeviceFile } from '../device-file.ts'
import { argumentIn } from '../ioctl-argument.ts'
import { copyFromUser } from '../mm/user-buffer.ts'
import type { VmaBacking } from '../mm/vma.ts'
import { ATTACH_IOMMUFD_PT, BIND_IOMMUFD, DETACH_IOMMUFD_PT, DEVICE_IOCTL } from '../uapi/index.ts'
import { UUID_BYTES, uuidText } from '../uuid-text.ts'
import { VfioError } from '../vfio-error.ts'
import type { Ioas } from './ioas.ts'
import { IommufdFile } from './iommufd-file.ts'

/** The address of a UUID follows the struct. */
const BIND_TOKEN = 1

/** What opening the node of a device gives. */
export class DeviceNodeFile extends DeviceFile {
  #iommufd: IommufdFile | undefined
  #ioas: Ioas | undefined

  override ioctl(call: IoctlCall): Operation<number> {
    if (call.request === DEVICE_IOCTL.DEVICE_BIND_IOMMUFD) return this.#bind(call)
    const iommufd = this.#bound()
    if (call.request === DEVICE_IOCTL.DEVICE_ATTACH_IOMMUFD_PT) return this.#attach(iommufd, call)
    if (call.request === DEVICE_IOCTL.DEVICE_DETACH_IOMMUFD_PT) return this.#detachByUser(call)
    return super.ioctl({ ...call, iommufd })
  }

  override *read(transfer: Transfer): Operation<number> {
    this.#bound()
    return yield* super.read(transfer)
  }

  override *write(transfer: Transfer): Operation<number> {
    this.#bound()
    return yield* super.write(transfer)
  }

  override readNow(offset: number, out: Uint8Array): ReturnType<DeviceFile['readNow']> {
    return this.#iommufd === undefined ? undefined : super.readNow(offset, out)
  }

  override writeNow(offset: number, data: Uint8Array): ReturnType<DeviceFile['writeNow']> {
    return this.#iommufd === undefined ? undefined : super.writeNow(offset, data)
  }

  override mmap(admission: MapAdmission): VmaBacking {
    this.#bound()
    return super.mmap(admission)
  }

  protected override *release(): Operation<void> {
    const iommufd = this.#iommufd
    if (iommufd === undefined) return
    try {
      yield* this.closeDevice()
    } finally {
      this.#detach()
      iommufd.unbind(this.device)
      this.device.group.boundDevices--
      yield* iommufd.drop()
    }
  }

  /** Before it is bound nothing but BIND works. @throws VfioError EINVAL then. */
  #bound(): IommufdFile {
    if (this.#iommufd !== undefined) return this.#iommufd
    throw new VfioError('EINVAL', 'not-bound', `${this.title} is not bound to an iommufd`)
  }

  /** Kernel: `vfio_df_ioctl_bind_iommufd`, in the order of its checks. */
  *#bind(call: IoctlCall): Operation<number> {
    const { device, profile } = this
    const { argument, process } = call
    const { flags, iommufd: fd } = argumentIn(BIND_IOMMUFD, argument)
    if (fd < 0 || (flags & ~(profile.bindTakesToken ? BIND_TOKEN : 0)) !== 0)
      throw new VfioError('EINVAL', 'bad-flags', `iommufd ${fd}, flags 0x${flags.toString(16)}`)
    const { group } = device
    yield* acquire(group.lock)
    try {
      if (group.opened !== undefined)
        throw new VfioError('EBUSY', 'group-busy', `group ${group.number} is open`)
      group.boundDevices++
    } finally {
      yield* release(group.lock)
    }
    let isBound = false
    try {
      if (this.#iommufd !== undefined)
        throw new VfioError('EINVAL', 'duplicate', `${this.title} is bound already`)
      if (profile.bindTakesToken) yield* this.#checkToken(call, (flags & BIND_TOKEN) !== 0)
      const file = process.file(fd)
      if (!(file instanceof IommufdFile))
        throw new VfioError('EBADFD', 'not-an-iommufd', `${file.title} is no iommufd`)
      BIND_IOMMUFD.write(argument, { out_devid: yield* this.#openFor(file) })
      isBound = true
      return 0
    } finally {
      if (!isBound) group.boundDevices--
    }
  }

  /** @returns the number of the device in that iommufd. */
  *#openFor(iommufd: IommufdFile): Operation<number> {
    const { device } = this
    const foreign = device.group.foreignDriver()
    const enable = function* () {
      if (device.lifecycle.isGoingAway) return 'ENODEV' as const
      if (foreign !== undefined) return 'EPERM' as const
      const failed = yield* device.driver.enable()
      if (failed === undefined) device.lifecycle.handle('open')
      return failed
    }
    const errno = yield* openDevice(device.strategy, device, enable, true)
    if (errno !== undefined) throw new VfioError(errno, 'open-failed', `${device.id} could not be opened`)
    iommufd.take()
    this.#iommufd = iommufd
    return iommufd.bind(device)
  }

  *#checkToken({ argument, process }: IoctlCall, isShown: boolean): Operation<void> {
    const { driver, id } = this.device
    const shown = isShown ? yield* this.#tokenIn(argument, process) : undefined
    const errno =
      driver.admitToken === undefined ? (isShown ? 'EINVAL' : undefined) : driver.admitToken(shown)
    if (errno !== undefined) throw new VfioError(errno, 'bad-token', `${id}, with the token ${shown}`)
  }

  *#tokenIn(argument: Uint8Array, process: IoctlCall['process']): Operation<string> {
    const end = BIND_IOMMUFD.sizeBytes + 8
    if (argument.length < end)
      throw new VfioError('EINVAL', 'argsz-too-small', 'no address of a token behind the struct')
    const view = new DataView(argument.buffer, argument.byteOffset)
    const address = Number(view.getBigUint64(BIND_IOMMUFD.sizeBytes, true))
    const bytes = new Uint8Array(UUID_BYTES)
    yield* copyFromUser(process, { address, lengthBytes: UUID_BYTES }, 0, bytes)
    return uuidText(bytes)
  }

  *#attach(iommufd: IommufdFile, { argument }: IoctlCall): Operation<number> {
    const { flags, pt_id } = argumentIn(ATTACH_IOMMUFD_PT, argument)
    if (flags !== 0) throw new VfioError('EINVAL', 'bad-flags', `flags 0x${flags.toString(16)}`)
    const ioas = iommufd.ioas(pt_id)
    const { group, id } = this.device
    // What the IOMMU cannot tell apart sees the same memory.
    const others = [...group.devices.keys()].filter((name) => name !== id)
    if (group.ioas !== ioas && others.some((name) => group.ioas?.attached.has(name)))
      throw new VfioError(
        'EINVAL',
        'group-busy',
        `group ${group.number} is attached to another address space`,
      )
    this.#detach()
    this.#ioas = ioas
    ioas.attached.add(id)
    group.ioas = ioas
    return 0
  }

  // biome-ignore lint/correctness/useYield: an ioctl is an operation, whether it waits or not
  *#detachByUser({ argument }: IoctlCall): Operation<number> {
    const { flags } = argumentIn(DETACH_IOMMUFD_PT, argument)
    if (flags !== 0) throw new VfioError('EINVAL', 'bad-flags', `flags 0x${flags.toString(16)}`)
    this.#detach()
    return 0
  }

  #detach(): void {
    const ioas = this.#ioas
    if (ioas === undefined) return
    this.#ioas = undefined
    ioas.attached.delete(this.device.id)
    const { group } = this.device
    if (![...group.devices.keys()].some((name) => ioas.attached.has(name))) group.ioas = undefined
  }
}
