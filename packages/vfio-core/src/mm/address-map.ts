/** Areas of user memory by address, without overlaps. Kernel: the maple tree of `struct mm_struct`. */

/** A range of addresses, and what it is called. */
export interface Area {
  readonly id: string
  /** First byte. */
  readonly start: number
  /** First byte behind it. */
  readonly end: number
}

/** A sorted list: finding costs the logarithm of how many there are. */
export class AddressMap<A extends Area> {
  readonly #areas: A[] = []

  /** By address. */
  get all(): readonly A[] {
    return this.#areas
  }

  /** @throws TypeError where something lies already. */
  add(area: A): void {
    const at = this.#firstEndingAfter(area.start)
    const next = this.#areas[at]
    if (next !== undefined && next.start < area.end) throw new TypeError(`${area.id} overlaps ${next.id}`)
    this.#areas.splice(at, 0, area)
  }

  /** @throws TypeError for an area that is not here. */
  remove(area: A): void {
    const at = this.#firstEndingAfter(area.start)
    if (this.#areas[at] !== area) throw new TypeError(`${area.id} is not mapped here`)
    this.#areas.splice(at, 1)
  }

  /** What lies at an address. */
  at(address: number): A | undefined {
    const area = this.#areas[this.#firstEndingAfter(address)]
    return area !== undefined && area.start <= address ? area : undefined
  }

  /** What overlaps `[start, end)`. */
  within(start: number, end: number): A[] {
    const found: A[] = []
    for (let at = this.#firstEndingAfter(start); at < this.#areas.length; at++) {
      const area = this.#areas[at]!
      if (area.start >= end) break
      found.push(area)
    }
    return found
  }

  #firstEndingAfter(address: number): number {
    let low = 0
    let high = this.#areas.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#areas[middle]!.end > address) high = middle
      else low = middle + 1
    }
    return low
  }
}
