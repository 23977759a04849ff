/** A page of a BAR, as a mapping shows it. */
import type { PciHardware } from '@vfiokit/hardware'
import type { BarIndex } from '@vfiokit/topology'
import type { Frame } from '@vfiokit/vfio-core'

/** Loads and stores go to the device, whatever its BAR registers were written to. */
export class BarFrame implements Frame {
  readonly backing = 'bar'

  /** @param start - Where the page begins in the BAR, in bytes. */
  constructor(
    readonly hardware: PciHardware,
    readonly bar: BarIndex,
    readonly start: number,
  ) {}

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
    this.hardware.readBar(this.bar, this.start + offset, out)
  }

  store(offset: number, data: Uint8Array): void {
    this.hardware.writeBar(this.bar, this.start + offset, data)
  }
}
