/** Where a client is in the copies of a mapping: page after page, copy after copy, and round again. */
import type { ContendedMapping } from '../machine/contended-mapping.ts'

/** One page of one copy. */
export interface ScannedPage {
  readonly mapping: ContendedMapping
  readonly page: number
}

/** Begins somewhere, as clients that begin in one place would go on in step. */
export class Scan {
  readonly #copies: readonly ContendedMapping[]
  readonly #pages: number
  #at: number

  /** @param draw - Answers a number from 0 to `count - 1`. */
  constructor(copies: readonly ContendedMapping[], draw: (count: number) => number) {
    this.#copies = copies
    this.#pages = copies[0]!.pages
    this.#at = draw(copies.length * this.#pages)
  }

  /** The page to touch now. */
  next(): ScannedPage {
    const mapping = this.#copies[Math.floor(this.#at / this.#pages)]!
    const page = this.#at % this.#pages
    this.#at = (this.#at + 1) % (this.#copies.length * this.#pages)
    return { mapping, page }
  }
}
