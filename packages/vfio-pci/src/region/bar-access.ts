/**
 * Reads and writes of BARs: split into single accesses, each inside the read side on its own.
 *
 * Bytes of the MSI-X table read ff and swallow writes: it belongs to the kernel. Kernel:
 * `vfio_pci_bar_rw`, `vfio_pci_core_do_io_rw`.
 */
import type { BarResource } from '@vfiokit/hardware'
import {
  type Awaitable,
  accessBody,
  barAccess,
  DENIED,
  type EffectSubject,
  effect,
  type GuardedBody,
  guarded,
  guardedLive,
  type Operation,
} from '@vfiokit/locking'
import type { BarIndex } from '@vfiokit/topology'
import { copyFromUser, copyToUser, lengthOf, type Transfer, VfioError } from '@vfiokit/vfio-core'
import type { OpenPciDevice } from '../open-pci-device.ts'

/** What happens to the bytes of one access. */
type Direction = 'read' | 'write'
const WIDTHS = [8, 4, 2, 1] as const

/** BAR access of one open device. */
export class BarAccess {
  readonly #subject: EffectSubject
  readonly #resources: ReadonlyMap<number, BarResource>

  constructor(
    readonly open: OpenPciDevice,
    readonly widestBytes: 4 | 8,
  ) {
    this.#subject = barAccess(open.device)
    this.#resources = new Map(
      open.hardware.resources.flatMap((resource) =>
        resource.bar === 'rom' || resource.start === 0n ? [] : [[resource.bar, resource] as const],
      ),
    )
  }

  /** @returns how many bytes were moved: fewer than asked for at the end of the BAR. */
  *transfer(direction: Direction, transfer: Transfer, index: number, at: number): Operation<number> {
    const resource = this.#resource(index)
    if (at >= resource.sizeBytes)
      throw new VfioError('EINVAL', 'bad-offset', `0x${at.toString(16)} is behind the end of BAR ${index}`)
    const count = Math.min(lengthOf(transfer.buffer), resource.sizeBytes - at)
    for (let done = 0; done < count; ) {
      const offset = at + done
      const excluded = this.#msixBytes(index, offset, count - done)
      const length = excluded > 0 ? excluded : this.#widthAt(index, offset, count - done)
      const bytes = new Uint8Array(length)
      if (direction === 'write') yield* copyFromUser(transfer.process, transfer.buffer, done, bytes)
      if (excluded > 0) bytes.fill(0xff)
      else yield* this.#access(direction, resource, offset, bytes)
      if (direction === 'read') yield* copyToUser(transfer.process, transfer.buffer, done, bytes)
      done += length
    }
    return count
  }

  /** One access at once, if it is one; undefined when the general way is needed. */
  now(direction: Direction, index: number, at: number, bytes: Uint8Array): Awaitable<number> | undefined {
    const resource = this.#resources.get(index)
    const { length } = bytes
    if (resource?.kind !== 'memory' || at + length > resource.sizeBytes || length > this.widestBytes)
      return undefined
    if (this.#widthAt(index, at, length) !== length || this.#msixBytes(index, at, length) > 0)
      return undefined
    const { device } = this.open
    const result = guardedLive(device.strategy.readSide(device), this.#body(direction, resource, at, bytes))
    if (result instanceof Promise) return result.then((later) => moved(later, length, resource, this.open))
    return moved(result, length, resource, this.open)
  }

  *#access(direction: Direction, resource: BarResource, offset: number, bytes: Uint8Array): Operation<void> {
    const { device } = this.open
    // Neither memory nor I/O decoding is looked at for an I/O BAR.
    if (resource.kind === 'io')
      return yield* effect('I/O access', [undefined], () => this.#touch(direction, resource, offset, bytes))
    const body = this.#body(direction, resource, offset, bytes)
    moved(yield* guarded(device.strategy.readSide(device), body), bytes.length, resource, this.open)
  }

  #body(direction: Direction, resource: BarResource, offset: number, bytes: Uint8Array): GuardedBody<void> {
    return accessBody(this.open.device, this.#subject, () => this.#touch(direction, resource, offset, bytes))
  }

  #touch(direction: Direction, { bar }: BarResource, offset: number, bytes: Uint8Array): void {
    const { hardware } = this.open
    if (direction === 'read') hardware.readBar(bar, offset, bytes)
    else hardware.writeBar(bar as BarIndex, offset, bytes)
  }

  #resource(index: number): BarResource {
    const resource = this.#resources.get(index)
    if (resource === undefined)
      throw new VfioError('EINVAL', 'bad-index', `${this.open.device.id} has no BAR ${index}`)
    return resource
  }

  /** The widest aligned access that does not run into the MSI-X table. */
  #widthAt(index: number, offset: number, remaining: number): number {
    const table = this.open.msixTable
    const room =
      table?.bar === index && offset < table.offset ? Math.min(remaining, table.offset - offset) : remaining
    return WIDTHS.find((width) => width <= this.widestBytes && width <= room && offset % width === 0)!
  }

  /** How many bytes from here lie in the MSI-X table. */
  #msixBytes(index: number, offset: number, remaining: number): number {
    const table = this.open.msixTable
    if (table?.bar !== index || offset < table.offset) return 0
    return Math.max(0, Math.min(remaining, table.offset + table.sizeBytes - offset))
  }
}

function moved(result: unknown, count: number, { bar }: BarResource, { device }: OpenPciDevice): number {
  if (result === DENIED)
    throw new VfioError('EIO', 'memory-disabled', `BAR ${bar} of ${device.id} cannot be reached`)
  return count
}
