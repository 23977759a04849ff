/**
 * PciTestdev: QEMU's pci-testdev (1b36:0005), as an example of a small device model: no interrupt, no DMA.
 *
 * A byte at offset 0 of BAR 0 (memory) or BAR 1 (ports) selects one of the BAR's three tests. Both BARs then show the
 * header of that test: number, width, offset, data, a counter and a name. Writing the data at the offset counts, but
 * an access that the host's ioeventfd takes (one byte, of the tests that have one) does not. BAR 2 reads 0.
 */
import type { BarIndex } from '@vfiokit/topology'
import type { DeviceModel, DeviceModelFactory, ResetEvent } from './device-model.ts'

const VENDOR = 0x1b36
const DEVICE = 0x0005

interface Test {
  readonly number: number
  readonly bar: 0 | 1
  readonly offset: number
  readonly data: number
  readonly matches: 'no-eventfd' | 'wildcard-eventfd' | 'datamatch-eventfd'
}

const MATCHES = ['no-eventfd', 'wildcard-eventfd', 'datamatch-eventfd'] as const
const HEADER_BYTES = 16
const COUNTER = 12

const TESTS: readonly Test[] = [0, 1, 2, 3, 4, 5].map((number) => ({
  number,
  bar: number < 3 ? 0 : 1,
  offset: (number < 3 ? 0x800 : 0x80) + number,
  data: number % 3 === 1 ? 0xce : 0xfa,
  matches: MATCHES[number % 3]!,
}))

/** The model of every pci-testdev; other functions are left to the next factory. */
export const pciTestdev: DeviceModelFactory = ({ identity }) =>
  identity.vendorId === VENDOR && identity.deviceId === DEVICE ? new PciTestdev() : undefined

class PciTestdev implements DeviceModel {
  #test: Test | undefined
  #header = new Uint8Array()

  readBar(bar: BarIndex | 'rom', offset: number, out: Uint8Array): void {
    for (let byte = 0; byte < out.length; byte += 1)
      out[byte] = bar === 0 || bar === 1 ? (this.#header[offset + byte] ?? 0) : 0
  }

  writeBar(bar: BarIndex, offset: number, data: Uint8Array): void {
    if (bar !== 0 && bar !== 1) return
    for (const [at, byte] of data.entries()) {
      if (offset + at === 0) this.#select(bar, byte)
      else this.#hit(bar, offset + at, byte, data.length === 1)
    }
  }

  reset(event: ResetEvent): void {
    if (event === 'bus') this.#show(undefined)
  }

  #select(bar: 0 | 1, choice: number): void {
    this.#show(choice < 3 ? TESTS[3 * bar + choice] : undefined)
  }

  #show(test: Test | undefined): void {
    this.#test = test
    if (test === undefined) {
      this.#header = new Uint8Array()
      return
    }
    const name = `${test.bar === 0 ? 'mmio' : 'portio'}-${test.matches}`
    this.#header = new Uint8Array(HEADER_BYTES + name.length)
    const view = new DataView(this.#header.buffer)
    view.setUint8(0, test.number)
    view.setUint8(1, 1)
    view.setUint32(4, test.offset, true)
    view.setUint8(8, test.data)
    this.#header.set(
      [...name].map((letter) => letter.charCodeAt(0)),
      HEADER_BYTES,
    )
  }

  #hit(bar: 0 | 1, offset: number, byte: number, isSingle: boolean): void {
    const test = this.#test
    if (test === undefined || test.bar !== bar || test.offset !== offset) return
    const isWildcard = test.matches === 'wildcard-eventfd'
    const counts = isWildcard || byte === test.data
    const isTaken = isSingle && test.matches !== 'no-eventfd'
    if (!counts || isTaken) return
    const view = new DataView(this.#header.buffer)
    view.setUint32(COUNTER, view.getUint32(COUNTER, true) + 1, true)
  }
}
