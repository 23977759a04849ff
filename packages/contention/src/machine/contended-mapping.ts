/** Mappings and address spaces of a simulated machine: pages as bits, and a ledger of what was taken. */
import type { AddressSpaceHandle, MappingHandle, PageRange, ProcessHandle } from '@vfiokit/locking'
import type { ContendedDevice } from './contended-device.ts'
import { WANTED, type ZapLedger, type ZapReason } from './zap-ledger.ts'

/** Pages that the BAR of a device takes in an address space. Mappings of other memory lie behind. */
export const BAR_PAGES: number = 1 << 20

/** Some pages of a device in one process. */
export class ContendedMapping implements MappingHandle {
  isLinked = true
  presentPages = 0
  readonly #present: Uint8Array
  /** By page: what took it last. */
  readonly #takenBy: Uint32Array

  /** @param first - Page of its address space at which it begins. */
  constructor(
    readonly id: string,
    readonly device: ContendedDevice,
    readonly process: ProcessHandle,
    readonly first: number,
    readonly pages: number,
    readonly ledger: ZapLedger,
  ) {
    this.#present = new Uint8Array(pages)
    this.#takenBy = new Uint32Array(pages)
  }

  get followsMemory(): boolean {
    return this.device.ownsPage(this.first)
  }

  has(page: number): boolean {
    return this.#present[page] === 1
  }

  /** Why an absent page is not there; one that never was is `wanted`. */
  reasonOf(page: number): ZapReason {
    return this.ledger.reasonOf(this.#takenBy[page]!)
  }

  insert(page: number | 'all'): void {
    const before = this.presentPages
    if (page === 'all') {
      this.#present.fill(1)
      this.presentPages = this.pages
    } else if (!this.has(page)) {
      this.#present[page] = 1
      this.presentPages++
    }
    this.ledger.inserted += this.presentPages - before
  }

  zap(): number {
    return this.zapPages(0, this.pages - 1)
  }

  /** Takes pages `from..to` of the mapping away, both included. */
  zapPages(from: number, to: number): number {
    this.ledger.mappings++
    if (this.presentPages === 0) return 0
    const taken = this.presentIn(from, to)
    const ticket = this.ledger.take(this.device, taken)
    for (let page = from; page <= to; page++)
      if (this.#present[page] === 1) {
        this.#present[page] = 0
        this.#takenBy[page] = ticket
      }
    this.presentPages -= taken
    return taken
  }

  /** A mapping that is made anew has lost nothing. */
  forgetPages(): void {
    this.#takenBy.fill(WANTED)
  }

  presentIn(from: number, to: number): number {
    let present = 0
    for (let page = from; page <= to; page++) present += this.#present[page]!
    return present
  }

  showsExpectedFrame(): boolean {
    return true
  }
}

/**
 * All mappings of one device, or of a whole set where a strategy asks for that. They are found by the
 * block of BAR_PAGES that they lie in, none in two: a zap walks those of its range and no others.
 */
export class ContendedSpace implements AddressSpaceHandle {
  readonly #blocks = new Map<number, ContendedMapping[]>()

  constructor(readonly id: string) {}

  add(mapping: ContendedMapping): void {
    const block = Math.floor(mapping.first / BAR_PAGES)
    const mappings = this.#blocks.get(block)
    if (mappings === undefined) this.#blocks.set(block, [mapping])
    else mappings.push(mapping)
  }

  unmapMappingRange(range: PageRange): number {
    return this.#sum(range, (mapping, from, to) => mapping.zapPages(from, to))
  }

  presentPages(range: PageRange): number {
    return this.#sum(range, (mapping, from, to) => mapping.presentIn(from, to))
  }

  #sum(
    { first, last }: PageRange,
    each: (mapping: ContendedMapping, from: number, to: number) => number,
  ): number {
    let sum = 0
    for (let block = Math.floor(first / BAR_PAGES); block <= Math.floor(last / BAR_PAGES); block++)
      for (const mapping of this.#blocks.get(block) ?? []) {
        const from = Math.max(first - mapping.first, 0)
        const to = Math.min(last - mapping.first, mapping.pages - 1)
        if (mapping.isLinked && from <= to) sum += each(mapping, from, to)
      }
    return sum
  }
}
