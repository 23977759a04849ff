/** Sets of functions by their ids, for tables of devices that need something special. */
import type { PciFunction } from '../pci-function.ts'

/** What a table of ids needs to know of a function. */
export type Identified = Pick<PciFunction, 'vendorId' | 'deviceId'>

/** Device ids of one vendor: single ones, and ranges with both ends included. */
export interface VendorDevices {
  readonly vendor: number
  readonly devices: readonly (number | readonly [first: number, last: number])[]
}

/** Answers in one look-up, however long the table is. */
export class IdTable {
  readonly #ids = new Set<number>()

  constructor(rows: readonly VendorDevices[]) {
    for (const { vendor, devices } of rows) {
      for (const device of devices) {
        const [first, last] = typeof device === 'number' ? [device, device] : device
        for (let id = first; id <= last; id += 1) this.#ids.add(vendor * 65_536 + id)
      }
    }
  }

  has(fn: Identified): boolean {
    return this.#ids.has(fn.vendorId * 65_536 + fn.deviceId)
  }
}
