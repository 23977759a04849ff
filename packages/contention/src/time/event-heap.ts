/** What happens next: a binary heap by time. What is due at the same time comes in order of arrival. */

interface Entry<T> {
  readonly at: number
  readonly order: number
  readonly value: T
}

/** A queue of events; push and pop take logarithmic time. */
export class EventHeap<T> {
  readonly #entries: Entry<T>[] = []
  #order = 0

  get size(): number {
    return this.#entries.length
  }

  /** When the next one is due; infinity when there is none. */
  get nextAt(): number {
    return this.#entries[0]?.at ?? Number.POSITIVE_INFINITY
  }

  push(at: number, value: T): void {
    const entries = this.#entries
    const entry: Entry<T> = { at, order: this.#order++, value }
    let place = entries.length
    entries.push(entry)
    while (place > 0) {
      const parent = (place - 1) >> 1
      if (!isBefore(entry, entries[parent]!)) break
      entries[place] = entries[parent]!
      place = parent
    }
    entries[place] = entry
  }

  /** Takes out the one that is due first; undefined when there is none. */
  pop(): T | undefined {
    const entries = this.#entries
    const first = entries[0]
    const last = entries.pop()
    if (first !== undefined && last !== undefined && entries.length > 0) this.#sink(last)
    return first?.value
  }

  /** Puts an entry in the place of the first one, and from there where it belongs. */
  #sink(entry: Entry<T>): void {
    const entries = this.#entries
    let place = 0
    for (;;) {
      let child = 2 * place + 1
      if (child >= entries.length) break
      if (child + 1 < entries.length && isBefore(entries[child + 1]!, entries[child]!)) child++
      if (!isBefore(entries[child]!, entry)) break
      entries[place] = entries[child]!
      place = child
    }
    entries[place] = entry
  }
}

function isBefore(one: Entry<unknown>, other: Entry<unknown>): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order)
}
