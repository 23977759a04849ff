/**
 * Writes that an eventfd stands for: a guest's doorbell without a trap. Kernel: `vfio_pci_ioeventfd`.
 *
 * The write is done inside the read side of the memory lock; when that is taken it is done later.
 */
import {
  accessBody,
  acquire,
  barAccess,
  effect,
  guarded,
  type Mutex,
  type Operation,
  release,
} from '@vfiokit/locking'
import type { BarIndex } from '@vfiokit/topology'
import {
  eventfdOf,
  IOEVENTFD,
  IOEVENTFD_MIN_BYTES,
  type KernelProfile,
  PCI_REGION,
  type Process,
  VfioError,
} from '@vfiokit/vfio-core'
import { argumentIn } from '../ioctl-argument.ts'
import type { OpenPciDevice } from '../open-pci-device.ts'

const REGION_SPAN = 2n ** 40n
/** So many for one device. Kernel: `VFIO_PCI_IOEVENTFD_MAX`. */
const IOEVENTFDS_MAX = 1000
/** One bit per width. */
const WIDTH_BITS = 0xf
const WIDTHS: ReadonlySet<number> = new Set([1, 2, 4, 8])

interface IoEventfd {
  readonly bar: BarIndex
  readonly offset: number
  readonly data: bigint
  readonly widthBytes: number
  readonly detach: () => void
}

/** Those of one open device. */
export class IoEventfds {
  readonly #open: OpenPciDevice
  readonly #profile: KernelProfile
  readonly #lock: Mutex
  readonly #all: IoEventfd[] = []

  constructor(open: OpenPciDevice, profile: KernelProfile, lock: Mutex) {
    this.#open = open
    this.#profile = profile
    this.#lock = lock
  }

  /**
   * Adds one, or takes one away when the descriptor is -1.
   *
   * @throws VfioError EINVAL for what cannot be written, EEXIST for one that is there, ENODEV for one
   *   that is not, ENOSPC for the 1001st, EBADF and EINVAL for a descriptor that is no eventfd.
   */
  *set(process: Process, argument: Uint8Array): Operation<number> {
    const { flags, offset, data, fd } = argumentIn(IOEVENTFD, argument, IOEVENTFD_MIN_BYTES)
    const widthBytes = flags & WIDTH_BITS
    if (flags !== widthBytes || !WIDTHS.has(widthBytes) || fd < -1)
      throw new VfioError('EINVAL', 'bad-flags', `an ioeventfd of flags ${flags} and descriptor ${fd}`)
    const place = this.#place(offset, widthBytes)
    yield* acquire(this.#lock)
    try {
      if (fd === -1) this.#remove({ ...place, data })
      else this.#add({ ...place, data }, process, fd)
      return 0
    } finally {
      yield* release(this.#lock)
    }
  }

  /** Last close. */
  clear(): void {
    for (const { detach } of this.#all.splice(0)) detach()
  }

  #place(offset: bigint, widthBytes: number): Pick<IoEventfd, 'bar' | 'offset' | 'widthBytes'> {
    const index = Number(offset / REGION_SPAN)
    const at = Number(offset % REGION_SPAN)
    const { hardware, msixTable, device } = this.#open
    const bar = hardware.resources.find((resource) => resource.bar === index)
    if (index > PCI_REGION.BAR5 || bar === undefined || bar.start === 0n || at + widthBytes > bar.sizeBytes)
      throw new VfioError('EINVAL', 'bad-offset', `0x${offset.toString(16)} of ${device.id} is in no BAR`)
    const table = msixTable?.bar === index ? msixTable : undefined
    if (table !== undefined && at < table.offset + table.sizeBytes && at + widthBytes > table.offset)
      throw new VfioError('EINVAL', 'bad-offset', 'the MSI-X table is the kernel’s')
    if (widthBytes > this.#profile.ioeventfdMaxBytes)
      throw new VfioError('EINVAL', 'bad-flags', `an ioeventfd of ${widthBytes} bytes`)
    return { bar: index as BarIndex, offset: at, widthBytes }
  }

  #remove(wanted: Omit<IoEventfd, 'detach'>): void {
    const at = this.#indexOf(wanted)
    if (at < 0) throw new VfioError('ENODEV', 'no-interrupt', 'there is no such ioeventfd')
    this.#all.splice(at, 1)[0]!.detach()
  }

  #add(wanted: Omit<IoEventfd, 'detach'>, process: Process, fd: number): void {
    if (this.#indexOf(wanted) >= 0) throw new VfioError('EEXIST', 'busy-interrupt', 'there is one already')
    if (this.#all.length >= IOEVENTFDS_MAX)
      throw new VfioError('ENOSPC', 'bad-count', `${IOEVENTFDS_MAX} ioeventfds are there already`)
    const detach = eventfdOf(process, fd).attach(() => this.#fire(wanted))
    this.#all.push({ ...wanted, detach })
  }

  #indexOf({ bar, offset, data, widthBytes }: Omit<IoEventfd, 'detach'>): number {
    return this.#all.findIndex(
      (each) =>
        each.bar === bar && each.offset === offset && each.data === data && each.widthBytes === widthBytes,
    )
  }

  /** With memory off the write is dropped, and nobody hears of it. */
  *#fire({ bar, offset, data, widthBytes }: Omit<IoEventfd, 'detach'>): Operation<void> {
    const { device, hardware } = this.#open
    const bytes = Uint8Array.from({ length: widthBytes }, (_, at) => Number((data >> BigInt(8 * at)) & 0xffn))
    const write = () => hardware.writeBar(bar, offset, bytes)
    if (hardware.resources.find((resource) => resource.bar === bar)?.kind === 'io')
      return yield* effect('ioeventfd', [undefined], write)
    yield* guarded(device.strategy.readSide(device), accessBody(device, barAccess(device), write))
  }
}
