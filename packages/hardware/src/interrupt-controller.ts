/**
 * SimulatedInterruptController: where messages of MSI and MSI-X arrive, as the local APICs of a PC.
 *
 * A message is a write of 32 bits to the window at 0xfee00000. Each allocation gets an address and data of its own,
 * so what arrives says whose it is.
 */
import type { InterruptController, InterruptMessage } from './pci-hardware.ts'

const WINDOW_START = 0xfee0_0000n
const WINDOW_END = 0xfef0_0000n
/** MSI has 16 bits of data. */
const DATA_VALUES = 0x1_0000
/** One destination each: bits 12-19 of the address. */
const ADDRESS_STEP = 0x1000n
const ADDRESSES = Number((WINDOW_END - WINDOW_START) / ADDRESS_STEP)
const COUNT_MAX = 32

interface Allocation {
  readonly handler: (vector: number) => void
  readonly first: number
  readonly count: number
}

export class SimulatedInterruptController implements InterruptController {
  /** By place: (address step) * 65,536 + data. */
  readonly #allocations: Map<number, Allocation> = new Map()
  #next = 0

  allocate(handler: (vector: number) => void, count = 1): InterruptMessage {
    if (!(Number.isInteger(count) && count >= 1 && count <= COUNT_MAX))
      throw new RangeError(`${count} messages: expected 1 to ${COUNT_MAX}`)
    let blockSize = 1
    while (blockSize < count) blockSize *= 2
    const first = this.#findFree(blockSize)
    const allocation = { handler, first, count: blockSize }
    for (let place = first; place < first + blockSize; place += 1) this.#allocations.set(place, allocation)
    const step = BigInt(Math.floor(first / DATA_VALUES))
    return Object.freeze({ address: WINDOW_START + step * ADDRESS_STEP, data: first % DATA_VALUES })
  }

  free(message: InterruptMessage): void {
    const allocation = this.#at(message.address, message.data)
    if (allocation === undefined || allocation.first % DATA_VALUES !== message.data)
      throw new RangeError(
        `message ${message.address.toString(16)}/${message.data.toString(16)} is not allocated`,
      )
    for (let offset = 0; offset < allocation.count; offset += 1)
      this.#allocations.delete(allocation.first + offset)
  }

  isMessageAddress(address: bigint): boolean {
    return address >= WINDOW_START && address < WINDOW_END
  }

  deliver(address: bigint, data: number): boolean {
    const allocation = this.#at(address, data)
    if (allocation === undefined) return false
    allocation.handler(data - (allocation.first % DATA_VALUES))
    return true
  }

  #at(address: bigint, data: number): Allocation | undefined {
    const offset = address - WINDOW_START
    if (!this.isMessageAddress(address) || offset % ADDRESS_STEP !== 0n || data >= DATA_VALUES)
      return undefined
    return this.#allocations.get(Number(offset / ADDRESS_STEP) * DATA_VALUES + data)
  }

  /** Round robin, so that a message that was just freed is not taken for the next one. */
  #findFree(blockSize: number): number {
    const places = ADDRESSES * DATA_VALUES
    const start = Math.ceil(this.#next / blockSize) * blockSize
    for (let tried = 0; tried < places; tried += blockSize) {
      const first = (start + tried) % places
      if (!this.#isFree(first, blockSize)) continue
      this.#next = (first + blockSize) % places
      return first
    }
    throw new RangeError('every interrupt message is taken')
  }

  #isFree(first: number, blockSize: number): boolean {
    for (let place = first; place < first + blockSize; place += 1)
      if (this.#allocations.has(place)) return false
    return true
  }
}
