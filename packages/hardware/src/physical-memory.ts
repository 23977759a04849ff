/**
 * Memory of the host by physical address: what firmware leaves there, and what no function carries in a BAR.
 *
 * Only the ranges that firmware declares exist, and of those only what was written takes memory.
 */
import { BarMemory } from './bar-memory.ts'

/** A range of memory that exists. */
export interface MemoryRange {
  readonly start: bigint
  readonly sizeBytes: number
  /** What it begins with; zeros behind. */
  readonly contents?: Uint8Array | undefined
}

/** A part of memory, as somebody mapped it. Kernel: what `memremap` answers. */
export interface MemoryWindow {
  readonly start: bigint
  readonly sizeBytes: number
  /** Any length, any alignment. @throws RangeError outside the window. */
  read(offset: number, out: Uint8Array): void
  /** @throws as {@link MemoryWindow.read} */
  write(offset: number, data: Uint8Array): void
}

interface HeldRange {
  readonly start: bigint
  readonly end: bigint
  readonly memory: BarMemory
}

/** The memory of one machine. */
export class PhysicalMemory {
  /** By address. */
  readonly #ranges: readonly HeldRange[]

  /** @throws RangeError for ranges that overlap, are empty, or begin with more than they hold. */
  constructor(ranges: readonly MemoryRange[] = []) {
    this.#ranges = ranges
      .map(({ start, sizeBytes, contents = new Uint8Array(0) }) => {
        const memory = new BarMemory(sizeBytes)
        memory.write(0, contents)
        return { start, end: start + BigInt(sizeBytes), memory }
      })
      .sort((a, b) => (a.start < b.start ? -1 : 1))
    for (const [at, { start }] of this.#ranges.entries())
      if (start < 0n || (at > 0 && this.#ranges[at - 1]!.end > start))
        throw new RangeError(`memory at 0x${start.toString(16)} overlaps what is before it`)
  }

  /**
   * A window of memory that lies in one range.
   *
   * @throws RangeError where there is no memory, or not enough.
   */
  window(start: bigint, sizeBytes: number): MemoryWindow {
    const range = this.#rangeAt(start)
    if (range === undefined || sizeBytes <= 0 || start + BigInt(sizeBytes) > range.end)
      throw new RangeError(`no memory of ${sizeBytes} bytes at 0x${start.toString(16)}`)
    return new RangeWindow(range, start, sizeBytes)
  }

  /** The range that an address lies in or behind: there may be thousands, so they are not tried in turn. */
  #rangeAt(address: bigint): HeldRange | undefined {
    let low = 0
    let high = this.#ranges.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#ranges[middle]!.start <= address) low = middle + 1
      else high = middle
    }
    return this.#ranges[low - 1]
  }
}

/** A class, not closures: there is one for each page that is mapped, and they outlive what made them. */
class RangeWindow implements MemoryWindow {
  readonly #memory: BarMemory
  /** Where it begins in the range, in bytes. */
  readonly #base: number

  constructor(
    { memory, start: rangeStart }: HeldRange,
    readonly start: bigint,
    readonly sizeBytes: number,
  ) {
    this.#memory = memory
    this.#base = Number(start - rangeStart)
  }

  read(offset: number, out: Uint8Array): void {
    this.#memory.read(this.#inside(offset, out.length), out)
  }

  write(offset: number, data: Uint8Array): void {
    this.#memory.write(this.#inside(offset, data.length), data)
  }

  #inside(offset: number, length: number): number {
    if (offset >= 0 && offset + length <= this.sizeBytes) return this.#base + offset
    throw new RangeError(`${length} bytes at ${offset} are outside a window of ${this.sizeBytes} bytes`)
  }
}
