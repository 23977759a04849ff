/**
 * BarMemory: the bytes behind a BAR, kept page by page so that a BAR of many GB costs what was touched of it.
 *
 * A page that was never written reads as zeros and takes no memory. The last page touched is remembered, because
 * accesses come in runs: an aligned 4-byte read is then a few nanoseconds.
 */
const PAGE_BYTES = 4096

export class BarMemory {
  readonly sizeBytes: number
  readonly #pages: Map<number, Uint8Array> = new Map()
  #lastIndex = -1
  #lastPage: Uint8Array | undefined

  /** @throws RangeError unless the size is a positive safe integer. */
  constructor(sizeBytes: number) {
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0) {
      throw new RangeError(`memory of ${sizeBytes} bytes: expected a positive integer`)
    }
    this.sizeBytes = sizeBytes
  }

  /** Pages that hold something. */
  get pagesPresent(): number {
    return this.#pages.size
  }

  /** Any length, any alignment. @throws RangeError outside the memory. */
  read(offset: number, out: Uint8Array): void {
    this.#check(offset, out.length)
    let done = 0
    while (done < out.length) {
      const at = offset + done
      const index = Math.floor(at / PAGE_BYTES)
      const within = at - index * PAGE_BYTES
      const end = Math.min(out.length, done + PAGE_BYTES - within)
      const page = this.#page(index)
      if (page === undefined) out.fill(0, done, end)
      else for (let from = within; done < end; from += 1, done += 1) out[done] = page[from]!
      done = end
    }
  }

  /** Any length, any alignment. @throws RangeError outside the memory. */
  write(offset: number, data: Uint8Array): void {
    this.#check(offset, data.length)
    let done = 0
    while (done < data.length) {
      const at = offset + done
      const index = Math.floor(at / PAGE_BYTES)
      const within = at - index * PAGE_BYTES
      const end = Math.min(data.length, done + PAGE_BYTES - within)
      const page = this.#page(index) ?? this.#add(index)
      for (let to = within; done < end; to += 1, done += 1) page[to] = data[done]!
    }
  }

  /** Everything reads as zeros again. */
  clear(): void {
    this.#pages.clear()
    this.#lastIndex = -1
    this.#lastPage = undefined
  }

  #page(index: number): Uint8Array | undefined {
    if (index !== this.#lastIndex) {
      this.#lastIndex = index
      this.#lastPage = this.#pages.get(index)
    }
    return this.#lastPage
  }

  #add(index: number): Uint8Array {
    const page = new Uint8Array(PAGE_BYTES)
    this.#pages.set(index, page)
    this.#lastIndex = index
    this.#lastPage = page
    return page
  }

  #check(offset: number, length: number): void {
    if (!(Number.isSafeInteger(offset) && offset >= 0 && offset + length <= this.sizeBytes)) {
      throw new RangeError(`${length} bytes at ${offset} are outside a memory of ${this.sizeBytes} bytes`)
    }
  }
}
