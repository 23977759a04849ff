/**
 * ConfigRegisters: the live configuration space of one function, with what software may change of it, bit by bit.
 *
 *     rw      a write stores the bit
 *     w1c     a write of 1 clears the bit, of 0 leaves it (status bits)
 *     neither a write leaves it
 *     reset   FLR and bus reset put the bit to resetTo; bits outside keep their value
 */
import type { ConfigWidth } from './pci-hardware.ts'

/** One mask byte per configuration byte. */
export interface WriteMasks {
  readonly rw: Uint8Array
  readonly w1c: Uint8Array
  readonly reset: Uint8Array
  readonly resetTo: Uint8Array
}

const VALUE_LIMIT: Readonly<Record<ConfigWidth, number>> = { 1: 0x100, 2: 0x1_0000, 4: 0x1_0000_0000 }

export class ConfigRegisters {
  readonly sizeBytes: number
  readonly #bytes: Uint8Array
  readonly #masks: WriteMasks
  /** Only these bytes have bits that a reset changes: a reset must not cost 4096 steps per function. */
  readonly #resetOffsets: readonly number[]

  /** Takes ownership of `bytes`. @throws RangeError when a mask has another length. */
  constructor(bytes: Uint8Array, masks: WriteMasks) {
    for (const [name, mask] of Object.entries(masks) as [string, Uint8Array][]) {
      if (mask.length !== bytes.length) {
        throw new RangeError(`${name} mask has ${mask.length} bytes, configuration space ${bytes.length}`)
      }
    }
    this.sizeBytes = bytes.length
    this.#bytes = bytes
    this.#masks = masks
    this.#resetOffsets = offsetsOf(masks.reset)
  }

  /** @throws RangeError for a bad width, an unaligned offset or one outside. */
  read(offset: number, widthBytes: ConfigWidth): number {
    this.#check(offset, widthBytes)
    let value = 0
    for (let byte = widthBytes - 1; byte >= 0; byte -= 1) value = value * 256 + this.#bytes[offset + byte]!
    return value
  }

  /** As {@link ConfigRegisters.read}, for structures that may run out of the space: 0 for what lies outside. */
  peek(offset: number, widthBytes: ConfigWidth): number {
    return offset + widthBytes <= this.sizeBytes ? this.read(offset, widthBytes) : 0
  }

  /** What software's write does. @throws as {@link ConfigRegisters.read}, also for a value wider than the access. */
  write(offset: number, widthBytes: ConfigWidth, value: number): void {
    this.#check(offset, widthBytes)
    if (!(Number.isInteger(value) && value >= 0 && value < VALUE_LIMIT[widthBytes])) {
      throw new RangeError(`value ${value} does not fit an access of ${widthBytes} bytes`)
    }
    for (let byte = 0; byte < widthBytes; byte += 1) {
      const at = offset + byte
      const written = (value >>> (8 * byte)) & 0xff
      const rw = this.#masks.rw[at]!
      const kept = this.#bytes[at]! & ~rw & ~(written & this.#masks.w1c[at]!)
      this.#bytes[at] = kept | (written & rw)
    }
  }

  /** The bits that software may set, of a register that need not be aligned. */
  writable(offset: number, widthBytes: ConfigWidth): number {
    let value = 0
    for (let byte = widthBytes - 1; byte >= 0; byte -= 1) value = value * 256 + this.#masks.rw[offset + byte]!
    return value
  }

  /** The device's own change of its register: `bits` of the 16-bit register become those of `value`. */
  assign16(offset: number, bits: number, value: number): void {
    this.#check(offset, 2)
    for (let byte = 0; byte < 2; byte += 1) {
      const mask = (bits >>> (8 * byte)) & 0xff
      this.#bytes[offset + byte] = (this.#bytes[offset + byte]! & ~mask) | ((value >>> (8 * byte)) & mask)
    }
  }

  /** What FLR and bus reset do to the registers. */
  reset(): void {
    for (const offset of this.#resetOffsets) {
      const mask = this.#masks.reset[offset]!
      this.#bytes[offset] = (this.#bytes[offset]! & ~mask) | (this.#masks.resetTo[offset]! & mask)
    }
  }

  #check(offset: number, widthBytes: ConfigWidth): void {
    const carried = widthBytes === 1 || widthBytes === 2 || widthBytes === 4
    if (!carried) throw new RangeError(`configuration access of ${widthBytes} bytes: expected 1, 2 or 4`)
    if (!(Number.isInteger(offset) && offset >= 0 && offset % widthBytes === 0 && offset < this.sizeBytes)) {
      const limits = `a multiple of ${widthBytes} below ${this.sizeBytes}`
      throw new RangeError(`configuration access at ${offset}: expected ${limits}`)
    }
  }
}

function offsetsOf(mask: Uint8Array): number[] {
  const offsets: number[] = []
  for (let offset = 0; offset < mask.length; offset += 1) if (mask[offset] !== 0) offsets.push(offset)
  return offsets
}
