/**
 * A frame: what stands behind one mapped page. BAR memory of a device, or ordinary memory.
 */

/** One page of something that can be loaded from and stored to. */
export interface Frame {
  /** What kind of memory, for output: `bar` follows the memory of its device, the others do not. */
  readonly backing: 'bar' | 'memory' | 'physical'
  /** Whether both show the same place. */
  isSame(other: Frame): boolean
  /** Where it is, for people: `0000:01:00.0 BAR 0 + 0x3000`. */
  toString(): string
  /** Loads `out.length` bytes from an offset inside the page. */
  load(offset: number, out: Uint8Array): void
  /** Stores bytes at an offset inside the page. */
  store(offset: number, data: Uint8Array): void
}

/** A page of ordinary memory. */
export class MemoryFrame implements Frame {
  readonly backing = 'memory'

  /**
   * @param bytes - The memory that holds the page.
   * @param start - Where the page begins in it, in bytes.
   */
  constructor(
    readonly bytes: Uint8Array,
    readonly start: number,
  ) {}

  isSame(other: Frame): boolean {
    return other instanceof MemoryFrame && other.bytes === this.bytes && other.start === this.start
  }

  toString(): string {
    return `memory + 0x${this.start.toString(16)}`
  }

  load(offset: number, out: Uint8Array): void {
    out.set(this.bytes.subarray(this.start + offset, this.start + offset + out.length))
  }

  store(offset: number, data: Uint8Array): void {
    this.bytes.set(data, this.start + offset)
  }
}
