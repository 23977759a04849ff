/**
 * An open `/dev/iommu`: I/O address spaces, and the devices bound to them, by number.
 *
 * Kernel: `struct iommufd_ctx` of drivers/iommu/iommufd/main.c.
 */
import type { LockRegistry, Operation } from '@vfiokit/locking'
import type { IoctlCall } from '../device-driver.ts'
import type { Group } from '../group.ts'
import { requireBytes } from '../ioctl-argument.ts'
import { OpenFile, unknownIoctl } from '../open-file.ts'
import {
  type Fields,
  IOAS_ALLOC,
  IOAS_MAP,
  IOAS_UNMAP,
  IOMMU_DESTROY,
  IOMMUFD_IOCTL,
  type Struct,
  type StructValue,
} from '../uapi/index.ts'
import type { VfioDevice } from '../vfio-device.ts'
import { VfioError } from '../vfio-error.ts'
import { Ioas } from './ioas.ts'

/** Flags of IOAS_MAP. */
const MAP = { FIXED_IOVA: 1, WRITEABLE: 2, READABLE: 4 } as const
const ALL_BYTES = 2n ** 64n - 1n

/** What opening `/dev/iommu` gives. */
export class IommufdFile extends OpenFile {
  readonly title = 'iommufd'
  readonly #objects = new Map<number, Ioas | VfioDevice>()
  readonly #devids = new Map<VfioDevice, number>()
  /** Numbers begin at 1. */
  #lastId = 0

  constructor(readonly locks: Pick<LockRegistry, 'mutex' | 'destroy'>) {
    super()
  }

  /** The number of a device that is bound to this iommufd. */
  devidOf(device: VfioDevice): number | undefined {
    return this.#devids.get(device)
  }

  /** Whether a device of that group is bound to this iommufd. Kernel: `iommufd_ctx_has_group`. */
  ownsGroup({ devices }: Group): boolean {
    return [...devices.values()].some((device) => this.#devids.has(device))
  }

  /** @returns the number of the device. */
  bind(device: VfioDevice): number {
    const id = this.#add(device)
    this.#devids.set(device, id)
    return id
  }

  unbind(device: VfioDevice): void {
    this.#objects.delete(this.#devids.get(device) ?? 0)
    this.#devids.delete(device)
  }

  /** @throws VfioError ENOENT for a number of nothing, EINVAL for one of something else. */
  ioas(id: number): Ioas {
    const object = this.#objects.get(id)
    if (object === undefined) throw new VfioError('ENOENT', 'bad-index', `iommufd has no object ${id}`)
    if (!(object instanceof Ioas))
      throw new VfioError('EINVAL', 'bad-index', `object ${id} is a device, no address space`)
    return object
  }

  override ioctl(call: IoctlCall): Operation<number> {
    switch (call.request) {
      case IOMMUFD_IOCTL.IOMMU_IOAS_ALLOC:
        return this.#alloc(call)
      case IOMMUFD_IOCTL.IOMMU_IOAS_MAP:
        return this.#map(call)
      case IOMMUFD_IOCTL.IOMMU_IOAS_UNMAP:
        return this.#unmap(call)
      case IOMMUFD_IOCTL.IOMMU_DESTROY:
        return this.#destroy(call)
      default:
        throw unknownIoctl(this.title, call.request)
    }
  }

  /** Devices that are bound keep the file, so only address spaces are left. */
  // biome-ignore lint/correctness/useYield: an operation, whether it waits or not
  protected override *release(): Operation<void> {
    for (const object of this.#objects.values()) if (object instanceof Ioas) this.locks.destroy(object.lock)
    this.#objects.clear()
  }

  // biome-ignore lint/correctness/useYield: an ioctl is an operation, whether it waits or not
  *#alloc({ argument }: IoctlCall): Operation<number> {
    const { flags } = commandIn(IOAS_ALLOC, argument)
    if (flags !== 0) throw new VfioError('EOPNOTSUPP', 'bad-flags', `flags 0x${flags.toString(16)}`)
    IOAS_ALLOC.write(argument, { out_ioas_id: this.#add(new Ioas(this.locks.mutex('iova_rwsem'))) })
    return 0
  }

  *#map({ argument, process }: IoctlCall): Operation<number> {
    const { flags, ioas_id, reserved, user_va: address, length, iova } = commandIn(IOAS_MAP, argument)
    if ((flags & ~(MAP.FIXED_IOVA | MAP.WRITEABLE | MAP.READABLE)) !== 0 || reserved !== 0)
      throw new VfioError('EOPNOTSUPP', 'bad-flags', `flags 0x${flags.toString(16)}`)
    if (iova >= ALL_BYTES || length >= ALL_BYTES || iova + length > ALL_BYTES)
      throw new VfioError('EOVERFLOW', 'range-wraps', `0x${iova.toString(16)} + ${length}`)
    const permission = { read: (flags & MAP.READABLE) !== 0, write: (flags & MAP.WRITEABLE) !== 0 }
    if (!permission.read && !permission.write)
      throw new VfioError('EINVAL', 'bad-flags', 'an area is read or written')
    const fixed = (flags & MAP.FIXED_IOVA) !== 0 ? iova : undefined
    const mapped = yield* this.ioas(ioas_id).map(process, { address, length, iova: fixed, permission })
    IOAS_MAP.write(argument, { iova: mapped })
    return 0
  }

  *#unmap({ argument }: IoctlCall): Operation<number> {
    const { ioas_id, iova, length } = commandIn(IOAS_UNMAP, argument)
    const ioas = this.ioas(ioas_id)
    const all = iova === 0n && length === ALL_BYTES
    if (!all && iova + length > ALL_BYTES)
      throw new VfioError('EOVERFLOW', 'range-wraps', `0x${iova.toString(16)} + ${length}`)
    IOAS_UNMAP.write(argument, { length: all ? yield* ioas.unmapAll() : yield* ioas.unmap(iova, length) })
    return 0
  }

  // biome-ignore lint/correctness/useYield: an ioctl is an operation, whether it waits or not
  *#destroy({ argument }: IoctlCall): Operation<number> {
    const { id } = commandIn(IOMMU_DESTROY, argument)
    const object = this.#objects.get(id)
    if (object === undefined) throw new VfioError('ENOENT', 'bad-index', `iommufd has no object ${id}`)
    if (!(object instanceof Ioas) || object.attached.size > 0)
      throw new VfioError('EBUSY', 'group-busy', `object ${id} is in use`)
    this.locks.destroy(object.lock)
    this.#objects.delete(id)
    return 0
  }

  #add(object: Ioas | VfioDevice): number {
    this.#lastId++
    this.#objects.set(this.#lastId, object)
    return this.#lastId
  }
}

/**
 * The struct of a command, which begins with its own size. Kernel: `iommufd_fops_ioctl`.
 *
 * @throws VfioError EINVAL for a size that is too small, EFAULT when there is less than it says.
 */
function commandIn<F extends Fields & { readonly size: 'u32' }>(
  struct: Struct<F>,
  argument: Uint8Array,
): StructValue<F> {
  requireBytes(argument, 4)
  const size = new DataView(argument.buffer, argument.byteOffset, 4).getUint32(0, true)
  if (size < struct.sizeBytes)
    throw new VfioError(
      'EINVAL',
      'argsz-too-small',
      `${struct.name} has ${struct.sizeBytes} bytes, not ${size}`,
    )
  requireBytes(argument, size)
  if (argument.subarray(struct.sizeBytes, size).some((byte) => byte !== 0))
    throw new VfioError(
      'E2BIG',
      'bad-flags',
      `something behind ${struct.name} that this kernel does not know`,
    )
  return struct.decode(argument)
}
