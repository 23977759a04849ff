/**
 * Reads and writes of BARs and the ROM: split into single accesses, each inside the read side on its own.
 *
 * A window may have a part that nobody gets at: it reads ff and swallows writes. Of a BAR that is the
 * MSI-X table, which belongs to the kernel. Kernel: `vfio_pci_bar_rw`, `vfio_pci_core_do_io_rw`.
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
import { copyFromUser, copyToUser, lengthOf, type Transfer, VfioError } from '@vfiokit/vfio-core'
import type { OpenPciDevice } from '../open-pci-device.ts'

/** What happens to the bytes of one access. */
export type Direction = 'read' | 'write'

/** A BAR, the ROM or a VGA window, as accesses go to it. */
export interface AccessWindow {
  readonly title: string
  /** Behind the last byte. */
  readonly end: number
  /** Accesses need memory to be on. */
  readonly followsMemory: boolean
  readonly widestBytes: 4 | 8
  /** `[start, end)` that nobody gets at; empty when both are equal. */
  readonly excluded: { readonly start: number; readonly end: number }
  /** One bus access. */
  readonly touch: (direction: Direction, offset: number, bytes: Uint8Array) => void
}

const WIDTHS = [8, 4, 2, 1] as const
/** Every byte can be reached. */
export const NOTHING_EXCLUDED = { start: 0, end: 0 } as const
/** Widest access to I/O ports, on any processor. */
const WIDEST_PORT_BYTES = 4

/** BAR access of one open device. */
export class BarAccess {
  readonly #subject: EffectSubject
  readonly #bars: ReadonlyMap<number, AccessWindow>

  constructor(
    readonly open: OpenPciDevice,
    widestBytes: 4 | 8,
  ) {
    this.#subject = barAccess(open.device)
    this.#bars = new Map(
      open.resources.flatMap((resource) => {
        const window = barWindow(open, resource, widestBytes)
        return window === undefined ? [] : [[resource.bar as number, window] as const]
      }),
    )
  }

  /** Moves bytes between a BAR and the user. @throws VfioError EINVAL without such a BAR. */
  bar(direction: Direction, transfer: Transfer, index: number, at: number): Operation<number> {
    const window = this.#bars.get(index)
    if (window === undefined)
      throw new VfioError('EINVAL', 'bad-index', `${this.open.device.id} has no BAR ${index}`)
    return this.transfer(direction, transfer, window, at)
  }

  /**
   * @returns how many bytes were moved: fewer than asked for at the end of the window.
   * @throws VfioError EINVAL behind the end, EIO while memory may not be touched: what was moved before
   *   that stays moved, and the count is lost.
   */
  *transfer(direction: Direction, transfer: Transfer, window: AccessWindow, at: number): Operation<number> {
    const { title, end } = window
    if (at >= end)
      throw new VfioError('EINVAL', 'bad-offset', `0x${at.toString(16)} is behind the end of ${title}`)
    const count = Math.min(lengthOf(transfer.buffer), end - at)
    for (let done = 0; done < count; ) {
      const offset = at + done
      const excluded = excludedBytes(window, offset, count - done)
      const length = excluded > 0 ? excluded : widthAt(window, offset, count - done)
      const bytes = new Uint8Array(length).fill(0xff)
      if (excluded === 0) {
        if (direction === 'write') yield* copyFromUser(transfer.process, transfer.buffer, done, bytes)
        yield* this.#access(direction, window, offset, bytes)
      }
      if (direction === 'read') yield* copyToUser(transfer.process, transfer.buffer, done, bytes)
      done += length
    }
    return count
  }

  /** One access at once, if it is one; undefined when the general way is needed. */
  now(direction: Direction, index: number, at: number, bytes: Uint8Array): Awaitable<number> | undefined {
    const window = this.#bars.get(index)
    const { length } = bytes
    if (window?.followsMemory !== true || at + length > window.end) return undefined
    if (widthAt(window, at, length) !== length || excludedBytes(window, at, length) > 0) return undefined
    const { device } = this.open
    const result = guardedLive(device.strategy.readSide(device), this.#body(direction, window, at, bytes))
    if (result instanceof Promise) return result.then((later) => moved(later, length, window, this.open))
    return moved(result, length, window, this.open)
  }

  *#access(direction: Direction, window: AccessWindow, offset: number, bytes: Uint8Array): Operation<void> {
    const { device } = this.open
    // Neither memory nor I/O decoding is looked at for an I/O BAR.
    if (!window.followsMemory)
      return yield* effect('I/O access', [undefined], () => window.touch(direction, offset, bytes))
    const body = this.#body(direction, window, offset, bytes)
    moved(yield* guarded(device.strategy.readSide(device), body), bytes.length, window, this.open)
  }

  #body(direction: Direction, window: AccessWindow, offset: number, bytes: Uint8Array): GuardedBody<void> {
    return accessBody(this.open.device, this.#subject, () => window.touch(direction, offset, bytes))
  }
}

function barWindow(
  { hardware, msixTable }: OpenPciDevice,
  resource: BarResource,
  widestBytes: 4 | 8,
): AccessWindow | undefined {
  const { bar, kind, start } = resource
  if (bar === 'rom' || start === 0n) return undefined
  return {
    title: `BAR ${bar}`,
    end: resource.sizeBytes,
    followsMemory: kind === 'memory',
    widestBytes: kind === 'io' ? WIDEST_PORT_BYTES : widestBytes,
    excluded:
      msixTable?.bar === bar
        ? { start: msixTable.offset, end: msixTable.offset + msixTable.sizeBytes }
        : NOTHING_EXCLUDED,
    touch: (direction, offset, bytes) =>
      direction === 'read' ? hardware.readBar(bar, offset, bytes) : hardware.writeBar(bar, offset, bytes),
  }
}

/** The widest aligned access that does not run into the excluded part. */
function widthAt({ widestBytes, excluded }: AccessWindow, offset: number, remaining: number): number {
  const ahead = excluded.end > excluded.start && offset < excluded.start
  const room = ahead ? Math.min(remaining, excluded.start - offset) : remaining
  return WIDTHS.find((width) => width <= widestBytes && width <= room && offset % width === 0)!
}

/** How many bytes from here lie in the excluded part. */
function excludedBytes({ excluded }: AccessWindow, offset: number, remaining: number): number {
  return offset < excluded.start ? 0 : Math.max(0, Math.min(remaining, excluded.end - offset))
}

function moved(result: unknown, count: number, window: AccessWindow, { device }: OpenPciDevice): number {
  if (result === DENIED)
    throw new VfioError('EIO', 'memory-disabled', `${window.title} of ${device.id} cannot be reached`)
  return count
}
