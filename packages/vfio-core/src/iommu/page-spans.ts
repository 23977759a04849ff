/**
 * Spans of pages without overlaps, by page number: what an IOMMU page table is made of.
 *
 * A sorted list in chunks, so that one of many thousand mappings is found, added and removed in a few
 * microseconds. Kernel: the `dma_list` tree of `struct vfio_iommu`.
 */

/** Pages `first..last`, both included. Page numbers of a 64-bit space are exact in a number. */
export interface PageSpan {
  readonly first: number
  readonly last: number
}

/** A chunk that grows beyond this is cut in two. */
const CHUNK_MAX = 512

/** Spans in order. */
export class PageSpans<S extends PageSpan> implements Iterable<S> {
  /** None of them is empty. */
  readonly #chunks: S[][] = []
  #size = 0

  get size(): number {
    return this.#size
  }

  /** The span that a page lies in. */
  at(page: number): S | undefined {
    return this.firstIn(page, page)
  }

  /** The lowest span that shares a page with `first..last`. */
  firstIn(first: number, last: number): S | undefined {
    const chunk = this.#chunks[this.#chunkOf(first)]
    const span = chunk?.[placeIn(chunk, first)]
    return span !== undefined && span.first <= last ? span : undefined
  }

  /** Every span that shares a page with `first..last`, lowest first. A copy: the spans may be removed. */
  within(first: number, last: number): S[] {
    const found: S[] = []
    for (let at = this.#chunkOf(first); at < this.#chunks.length; at++) {
      const chunk = this.#chunks[at]!
      for (let place = placeIn(chunk, first); place < chunk.length; place++) {
        if (chunk[place]!.first > last) return found
        found.push(chunk[place]!)
      }
    }
    return found
  }

  /** @throws TypeError where a span lies already. */
  add(span: S): void {
    if (this.firstIn(span.first, span.last) !== undefined)
      throw new TypeError(`pages ${span.first}..${span.last} are taken`)
    this.#size++
    const at = Math.min(this.#chunkOf(span.first), this.#chunks.length - 1)
    const chunk = this.#chunks[at]
    if (chunk === undefined) {
      this.#chunks.push([span])
      return
    }
    chunk.splice(placeIn(chunk, span.first), 0, span)
    if (chunk.length > CHUNK_MAX) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK_MAX / 2))
  }

  /** @throws TypeError for a span that is not here. */
  remove(span: S): void {
    const at = this.#chunkOf(span.first)
    const chunk = this.#chunks[at] ?? []
    const place = placeIn(chunk, span.first)
    if (chunk[place] !== span) throw new TypeError(`pages ${span.first}..${span.last} are not here`)
    chunk.splice(place, 1)
    this.#size--
    if (chunk.length === 0) this.#chunks.splice(at, 1)
  }

  clear(): void {
    this.#chunks.length = 0
    this.#size = 0
  }

  *[Symbol.iterator](): Generator<S> {
    for (const chunk of this.#chunks) yield* chunk
  }

  /** The first chunk that has a span ending at or behind a page. */
  #chunkOf(page: number): number {
    return firstEnding(this.#chunks, page, (chunk) => chunk.at(-1)!.last)
  }
}

function placeIn(chunk: readonly PageSpan[], page: number): number {
  return firstEnding(chunk, page, ({ last }) => last)
}

/** Index of the first of sorted items that ends at or behind a page; the length when none does. */
function firstEnding<T>(items: readonly T[], page: number, lastOf: (item: T) => number): number {
  let low = 0
  let high = items.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (lastOf(items[middle]!) >= page) high = middle
    else low = middle + 1
  }
  return low
}
