/** A page of a BAR, as a mapping shows it. */
import type { PciHardware } from '@vfiokit/hardware'
import type { BarIndex } from '@vfiokit/topology'
import type { Frame } from '@vfiokit/vfio-core'

const WIDTHS = [8, 4, 2, 1] as const

/** Loads and stores go to the device, whatever its BAR registers were written to. */
export class BarFrame implements Frame {
  readonly backing = 'bar'
  /** From the start of the page to the end of the BAR. */
  readonly #bytesBehind: number

  /**
   * @param start - Where the page begins in the BAR, in bytes.
   * @throws RangeError when the function has no such BAR.
   */
  constructor(
    readonly hardware: PciHardware,
    readonly bar: BarIndex,
    readonly start: number,
  ) {
    const resource = hardware.resources.find((each) => each.bar === bar)
    if (resource === undefined) throw new RangeError(`${hardware.bdf} has no BAR ${bar}`)
    this.#bytesBehind = resource.sizeBytes - start
  }

  isSame(other: Frame): boolean {
    return (
      other instanceof BarFrame &&
      other.hardware === this.hardware &&
      other.bar === this.bar &&
      other.start === this.start
    )
  }

  toString(): string {
    return `${this.hardware.bdf} BAR ${this.bar} + 0x${this.start.toString(16)}`
  }

  load(offset: number, out: Uint8Array): void {
    const inside = this.#split(offset, out, (at, part) => this.hardware.readBar(this.bar, at, part))
    out.fill(this.hardware.silentMemory, inside)
  }

  store(offset: number, data: Uint8Array): void {
    this.#split(offset, data, (at, part) => this.hardware.writeBar(this.bar, at, part))
  }

  /**
   * A load or store is one bus access; a copy of another length is several, each as wide as its place
   * allows. Behind the end of a BAR that is smaller than a page nothing answers.
   *
   * @returns how many bytes lie inside the BAR.
   */
  #split(offset: number, bytes: Uint8Array, access: (at: number, part: Uint8Array) => void): number {
    const { length } = bytes
    const isOne = length === 4 || length === 8 || length === 1 || length === 2
    if (isOne && offset + length <= this.#bytesBehind) {
      access(this.start + offset, bytes)
      return length
    }
    const inside = Math.max(0, Math.min(length, this.#bytesBehind - offset))
    for (let done = 0; done < inside; ) {
      const at = this.start + offset + done
      const width = WIDTHS.find((each) => each <= inside - done && at % each === 0)!
      access(at, bytes.subarray(done, done + width))
      done += width
    }
    return inside
  }
}
