/**
 * ConfigSpace: what is known of a function's configuration space.
 *
 * A source may know 0 bytes (a list without a dump), 64 (sysfs without privilege), 256 or 4096, and a dump may
 * have holes. Reading a byte that is not known is a RangeError, never a made-up value: ask {@link ConfigSpace.has}.
 */

/** Bytes `start` (included) to `end` (not included) that the source did not give. */
export interface ConfigHole {
  readonly start: number
  readonly end: number
}

const SIZE_MAX_BYTES = 4096

export class ConfigSpace {
  /** Nothing is known. */
  static readonly unknown: ConfigSpace = new ConfigSpace(new Uint8Array(0))

  /** One more than the highest offset known: 0, 64, 256, 4096, or whatever a dump had. */
  readonly sizeBytes: number
  readonly holes: readonly ConfigHole[]
  readonly #bytes: Uint8Array
  readonly #view: DataView

  /** @throws RangeError for more than 4096 bytes or a hole outside them. */
  constructor(bytes: Uint8Array, holes: readonly ConfigHole[] = []) {
    if (bytes.length > SIZE_MAX_BYTES) {
      throw new RangeError(`configuration space has at most ${SIZE_MAX_BYTES} bytes, not ${bytes.length}`)
    }
    for (const { start, end } of holes) {
      if (!(start >= 0 && start < end && end <= bytes.length)) {
        throw new RangeError(
          `hole ${start}-${end} is outside the ${bytes.length} bytes of configuration space`,
        )
      }
    }
    // Not slice(): that of a Node.js Buffer shares its memory.
    this.#bytes = new Uint8Array(bytes)
    this.#view = new DataView(this.#bytes.buffer)
    this.sizeBytes = bytes.length
    this.holes = Object.freeze(holes.map((hole) => Object.freeze({ start: hole.start, end: hole.end })))
    Object.freeze(this)
  }

  /** A copy; holes read 0xff. */
  get bytes(): Uint8Array {
    return this.#bytes.slice()
  }

  /** Whether all `widthBytes` bytes from `offset` are known. */
  has(offset: number, widthBytes: number): boolean {
    const end = offset + widthBytes
    if (!(offset >= 0 && end <= this.sizeBytes)) return false
    return this.holes.length === 0 || !this.holes.some((hole) => hole.start < end && offset < hole.end)
  }

  /** @throws RangeError when the byte is not known. */
  read8(offset: number): number {
    this.#require(offset, 1)
    return this.#view.getUint8(offset)
  }

  /** Little endian, any alignment. @throws RangeError when a byte of it is not known. */
  read16(offset: number): number {
    this.#require(offset, 2)
    return this.#view.getUint16(offset, true)
  }

  /** Little endian, unsigned, any alignment. @throws RangeError when a byte of it is not known. */
  read32(offset: number): number {
    this.#require(offset, 4)
    return this.#view.getUint32(offset, true)
  }

  /** Whether every known byte is 0xff: the function did not answer (gone, or in D3cold). */
  get isAllOnes(): boolean {
    return this.sizeBytes > 0 && this.#bytes.every((byte) => byte === 0xff)
  }

  equals(other: ConfigSpace): boolean {
    if (this.sizeBytes !== other.sizeBytes || this.holes.length !== other.holes.length) return false
    const sameHoles = this.holes.every((hole, index) => {
      const twin = other.holes[index]!
      return hole.start === twin.start && hole.end === twin.end
    })
    return sameHoles && this.#bytes.every((byte, offset) => byte === other.#bytes[offset])
  }

  #require(offset: number, widthBytes: number): void {
    if (!Number.isInteger(offset) || !this.has(offset, widthBytes)) {
      throw new RangeError(
        `configuration bytes ${offset} to ${offset + widthBytes - 1} are not known (${this.sizeBytes} bytes are)`,
      )
    }
  }
}
