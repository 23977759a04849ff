/**
 * Every state that was seen, in the order of being seen: store, queue and chain of parents at once.
 */

/** Said when a search would need more memory than it may. */
export class MemoryExhausted extends Error {
  override readonly name = 'MemoryExhausted'
}

const FIRST_STATES = 1 << 12
/** Of the hash table; more makes probing slow. */
const LOAD_MAX = 0.6

/** Packed states of one size. */
export class StateStore {
  /** `words` words for each state; behind the last there is room for one more. */
  states: Int32Array
  parents: Int32Array
  /** Where each state leads to, as far as a reduced search has to know. */
  onward: Int32Array
  count = 0
  #capacity = FIRST_STATES
  #table: Int32Array
  #mask: number

  /** @param memoryMax - Bytes. */
  constructor(
    readonly words: number,
    readonly memoryMax: number = Number.POSITIVE_INFINITY,
  ) {
    this.states = new Int32Array((this.#capacity + 1) * words)
    this.parents = new Int32Array(this.#capacity + 1)
    this.onward = new Int32Array(this.#capacity + 1)
    this.#table = new Int32Array(2 * FIRST_STATES)
    this.#mask = this.#table.length - 1
  }

  get bytes(): number {
    return this.states.byteLength + this.parents.byteLength + this.onward.byteLength + this.#table.byteLength
  }

  /** Where a candidate is to be written before {@link add}. */
  get candidate(): number {
    return this.count * this.words
  }

  /**
   * Keeps the candidate if it is new.
   *
   * @returns its number, or minus one minus the number of the equal state that was there.
   * @throws MemoryExhausted
   */
  add(parent: number): number {
    const { words, states } = this
    const from = this.candidate
    const table = this.#table
    const mask = this.#mask
    let slot = this.#hash(from) & mask
    for (let entry = table[slot]!; entry !== 0; entry = table[slot]!) {
      const at = (entry - 1) * words
      let word = 0
      while (word < words && states[at + word] === states[from + word]) word++
      if (word === words) return -entry
      slot = (slot + 1) & mask
    }
    table[slot] = ++this.count
    const index = this.count - 1
    this.parents[index] = parent
    if (this.count >= this.#capacity) this.#grow()
    return index
  }

  #hash(from: number): number {
    let hash = 0
    for (let word = 0; word < this.words; word++) {
      hash = Math.imul(hash ^ this.states[from + word]!, 0x9e37_79b1)
      hash ^= hash >>> 15
    }
    hash = Math.imul(hash, 0x85eb_ca6b)
    return hash ^ (hash >>> 13)
  }

  #grow(): void {
    const capacity = 2 * this.#capacity
    const tableSize = tableFor(capacity)
    // While it is copied the old arrays are there too.
    const needed = 4 * ((capacity + 1) * (this.words + 2) + tableSize) + this.bytes
    if (needed > this.memoryMax) throw new MemoryExhausted(`${this.count} states need more than was allowed`)
    this.#capacity = capacity
    this.states = larger(this.states, (capacity + 1) * this.words)
    this.parents = larger(this.parents, capacity + 1)
    this.onward = larger(this.onward, capacity + 1)
    this.#table = new Int32Array(tableSize)
    this.#mask = tableSize - 1
    for (let index = 0; index < this.count; index++) {
      let slot = this.#hash(index * this.words) & this.#mask
      while (this.#table[slot] !== 0) slot = (slot + 1) & this.#mask
      this.#table[slot] = index + 1
    }
  }
}

function tableFor(capacity: number): number {
  return 2 ** Math.ceil(Math.log2(capacity / LOAD_MAX))
}

function larger(array: Int32Array, length: number): Int32Array {
  const result = new Int32Array(length)
  result.set(array)
  return result
}
