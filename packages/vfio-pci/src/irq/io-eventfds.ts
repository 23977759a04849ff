/**
 * IOEVENTFD: a write to a BAR that happens whenever an eventfd is signalled, without leaving the kernel.
 *
 * Kernel: `vfio_pci_ioeventfd`, `vfio_pci_ioeventfd_handler`.
 */
import type { BarResource } from '@vfiokit/hardware'
import {
  accessBody,
  acquire,
  barAccess,
  effect,
  guardedLive,
  type Mutex,
  type Operation,
  release,
} from '@vfiokit/locking'
import type { BarIndex } from '@vfiokit/topology'
import {
  eventfdOf,
  IOEVENTFD,
  IOEVENTFD_MIN_BYTES,
  type IoctlCall,
  PCI_REGION,
  VfioError,
} from '@vfiokit/vfio-core'
import { argumentIn } from '../ioctl-argument.ts'
import type { OpenPciDevice } from '../open-pci-device.ts'
import { watchEventfd } from './event-watch.ts'

/** `VFIO_PCI_IOEVENTFD_MAX` */
const COUNT_MAX = 1000
const SIZE_MASK = 0xf
const REGION_SHIFT = 40n
const OFFSET_MASK = (1n << REGION_SHIFT) - 1n
/** Widths by their flag. */
const WIDTHS: ReadonlyMap<number, 1 | 2 | 4 | 8> = new Map([
  [1, 1],
  [2, 2],
  [4, 4],
  [8, 8],
])

/** A write that waits for its event. Two of them that are equal here are the same. */
interface AwaitedWrite {
  readonly bar: BarIndex
  readonly offset: number
  readonly widthBytes: 1 | 2 | 4 | 8
  /** All 64 bits as given, though a narrow write uses only the low ones. */
  readonly data: bigint
}

/** The ioeventfds of one open device. */
export class IoEventfds {
  readonly #open: OpenPciDevice
  readonly #lock: Mutex
  readonly #writes = new Map<string, () => void>()

  /** @param lock - Kernel: `ioeventfds_lock`. */
  constructor(open: OpenPciDevice, lock: Mutex) {
    this.#open = open
    this.#lock = lock
  }

  /** VFIO_DEVICE_IOEVENTFD. @throws VfioError as the kernel does, in the order of its checks. */
  *set(call: IoctlCall): Operation<number> {
    const { flags, offset, data, fd } = argumentIn(IOEVENTFD, padded(call.argument), IOEVENTFD_MIN_BYTES)
    if ((flags & ~SIZE_MASK) !== 0)
      throw new VfioError('EINVAL', 'bad-flags', `flags 0x${flags.toString(16)}`)
    const widthBytes = WIDTHS.get(flags)
    if (widthBytes === undefined) throw new VfioError('EINVAL', 'bad-flags', 'exactly one width is needed')
    if (fd < -1) throw new VfioError('EINVAL', 'bad-fd', `fd ${fd} is neither one nor none`)
    const write = this.#admit(offset, widthBytes, data)
    yield* acquire(this.#lock)
    try {
      yield* effect('ioeventfd', [undefined], () => this.#change(call, write, fd))
    } finally {
      yield* release(this.#lock)
    }
    return 0
  }

  /** Last close: none is left. */
  *close(): Operation<void> {
    yield* acquire(this.#lock)
    try {
      for (const stop of this.#writes.values()) stop()
      this.#writes.clear()
    } finally {
      yield* release(this.#lock)
    }
  }

  #admit(fileOffset: bigint, widthBytes: AwaitedWrite['widthBytes'], data: bigint): AwaitedWrite {
    const { resources, msixTable, profile, device } = this.#open
    const bar = Number(fileOffset >> REGION_SHIFT)
    const offset = Number(fileOffset & OFFSET_MASK)
    const end = offset + widthBytes
    if (bar > PCI_REGION.BAR5) throw new VfioError('EINVAL', 'bad-index', `region ${bar} is no BAR`)
    const resource = resources.find((candidate) => candidate.bar === bar)
    if (end > (resource?.sizeBytes ?? 0))
      throw new VfioError('EINVAL', 'bad-offset', `0x${offset.toString(16)} of BAR ${bar} of ${device.id}`)
    const table = msixTable?.bar === bar ? msixTable : undefined
    if (table !== undefined && end > table.offset && offset < table.offset + table.sizeBytes)
      throw new VfioError('EINVAL', 'bad-offset', 'the MSI-X table belongs to the kernel')
    if (widthBytes === 8 && !profile.ioeventfdOf8Bytes)
      throw new VfioError('EINVAL', 'bad-flags', 'no write of 8 bytes')
    return { bar: bar as BarIndex, offset, widthBytes, data }
  }

  #change(call: IoctlCall, write: AwaitedWrite, fd: number): void {
    const key = `${write.bar} ${write.offset} ${write.widthBytes} ${write.data}`
    const known = this.#writes.get(key)
    if (known !== undefined) {
      if (fd !== -1) throw new VfioError('EEXIST', 'duplicate', `an eventfd for ${key} is there`)
      known()
      this.#writes.delete(key)
      return
    }
    if (fd < 0) throw new VfioError('ENODEV', 'no-mapping', `no eventfd for ${key}`)
    if (this.#writes.size >= COUNT_MAX)
      throw new VfioError('ENOSPC', 'entry-limit', `${COUNT_MAX} ioeventfds are set`)
    const eventfd = eventfdOf(call.process, fd)
    this.#writes.set(
      key,
      watchEventfd(eventfd, this.#open.profile, () => this.#fire(write)),
    )
  }

  /** While memory is off the write is lost; while somebody has the device locked it is done later. */
  #fire({ bar, offset, widthBytes, data }: AwaitedWrite): void {
    const { hardware, resources, device } = this.#open
    const bytes = new Uint8Array(8)
    new DataView(bytes.buffer).setBigUint64(0, data, true)
    const touch = () => hardware.writeBar(bar, offset, bytes.subarray(0, widthBytes))
    const { kind } = resources.find((resource) => resource.bar === bar) as BarResource
    if (kind === 'io') return touch()
    void guardedLive(device.strategy.readSide(device), accessBody(device, barAccess(device), touch))
  }
}

/** The struct ends with bytes that need not be there. */
function padded(argument: Uint8Array): Uint8Array {
  if (argument.length < IOEVENTFD_MIN_BYTES || argument.length >= IOEVENTFD.sizeBytes) return argument
  const whole = new Uint8Array(IOEVENTFD.sizeBytes)
  whole.set(argument)
  return whole
}
