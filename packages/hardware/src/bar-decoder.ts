/**
 * BarDecoder: which of a function's BARs answer now.
 *
 * A BAR answers in D0, with its kind's enable bit in COMMAND, while its register holds the address it was assigned:
 * the host goes on using the assigned addresses, so a BAR that was moved or zeroed (by a reset) is out of reach
 * until somebody restores it. The ROM also needs the enable bit of its register. Registers that held no address
 * from the start (a virtual function's) are not compared.
 */
import type { BarIndex, PciFunction } from '@vfiokit/topology'
import { type BarRegisterBits, isShadowRom, registerBits, registerOffset } from './bar-resource.ts'
import type { ConfigRegisters } from './config-registers.ts'
import type { BarResource } from './pci-hardware.ts'
import { COMMAND, COMMAND_IO, COMMAND_MEMORY } from './register-layout.ts'

interface Address {
  readonly low: number
  readonly high: number
}

interface BarPlace {
  readonly resource: BarResource
  readonly register: number | undefined
  readonly bits: BarRegisterBits
  readonly enable: number
  /** undefined: the register held no address, nothing is compared. */
  readonly home: Address | undefined
  answers: boolean
}

const ROM_INDEX = 6

export class BarDecoder {
  readonly #fn: PciFunction
  readonly #registers: ConfigRegisters
  readonly #places: readonly (BarPlace | undefined)[]

  constructor(fn: PciFunction, resources: readonly BarResource[], registers: ConfigRegisters) {
    this.#fn = fn
    this.#registers = registers
    const places: (BarPlace | undefined)[] = new Array(ROM_INDEX + 1).fill(undefined)
    for (const resource of resources) {
      places[resource.bar === 'rom' ? ROM_INDEX : resource.bar] = this.#place(resource)
    }
    this.#places = places
  }

  /** Offsets of the 32-bit registers whose change must be followed by {@link BarDecoder.update}. */
  get watched(): readonly number[] {
    return this.#places.flatMap((place) => {
      if (place?.register === undefined) return []
      return place.resource.width === 64 ? [place.register, place.register + 4] : [place.register]
    })
  }

  /** Looks at COMMAND and the BAR registers again. */
  update(awake: boolean): void {
    const command = this.#registers.read(COMMAND, 2)
    for (const place of this.#places) {
      if (place === undefined) continue
      const decoded = awake && (command & place.enable) !== 0 && this.#isHome(place)
      place.answers = decoded || isShadowRom(place.resource)
    }
  }

  /** @throws RangeError when there is no such BAR, or the access is not one inside it. */
  answers(bar: BarIndex | 'rom', offset: number, length: number): boolean {
    const place = this.#places[bar === 'rom' ? ROM_INDEX : bar]
    if (place === undefined) throw new RangeError(`${this.#fn.bdf} has no BAR ${bar}`)
    if (length !== 4 && length !== 8 && length !== 1 && length !== 2) {
      throw new RangeError(`access of ${length} bytes: expected 1, 2, 4 or 8`)
    }
    const size = place.resource.sizeBytes
    if (!(Number.isSafeInteger(offset) && offset >= 0 && offset + length <= size)) {
      throw new RangeError(`${this.#fn.bdf} BAR ${bar}: ${length} bytes at ${offset} are outside its ${size}`)
    }
    return place.answers
  }

  #place(resource: BarResource): BarPlace {
    const register = registerOffset(resource.bar, this.#fn.headerType)
    const bits = registerBits(resource)
    const found = register === undefined ? undefined : this.#address(bits, register)
    const home = found === undefined || (found.low === 0 && found.high === 0) ? undefined : found
    const enable = resource.kind === 'io' ? COMMAND_IO : COMMAND_MEMORY
    return { resource, register, bits, enable, home, answers: false }
  }

  #isHome({ register, bits, home }: BarPlace): boolean {
    if (register === undefined) return true
    if (bits.enable !== 0 && (this.#registers.read(register, 4) & bits.enable) === 0) return false
    if (home === undefined) return true
    const now = this.#address(bits, register)
    return now.low === home.low && now.high === home.high
  }

  #address(bits: BarRegisterBits, register: number): Address {
    const low = (this.#registers.read(register, 4) & bits.addressLow) >>> 0
    return { low, high: bits.addressHigh === 0 ? 0 : this.#registers.read(register + 4, 4) }
  }
}
