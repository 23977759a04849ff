/** A page of the host's memory, as a mapping shows it. */
import type { MemoryWindow, PciMachine } from '@vfiokit/hardware'
import { type Frame, PAGE_SIZE_BYTES } from '@vfiokit/vfio-core'

/** Loads and stores go to the memory, which others may see by its address. */
export class PhysicalFrame implements Frame {
  readonly backing = 'physical'
  readonly #window: MemoryWindow

  /** @throws RangeError where there is no whole page of memory. */
  constructor(
    readonly memory: PciMachine['memory'],
    readonly address: bigint,
  ) {
    this.#window = memory.window(address, PAGE_SIZE_BYTES)
  }

  isSame(other: Frame): boolean {
    return other instanceof PhysicalFrame && other.memory === this.memory && other.address === this.address
  }

  toString(): string {
    return `physical 0x${this.address.toString(16)}`
  }

  load(offset: number, out: Uint8Array): void {
    this.#window.read(offset, out)
  }

  store(offset: number, data: Uint8Array): void {
    this.#window.write(offset, data)
  }
}
