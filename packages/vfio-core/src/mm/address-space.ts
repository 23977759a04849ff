/**
 * An address space: every mapping of a device (or of a device set), found by page offset.
 *
 * Taking a range away needs neither the processes nor their mmap_locks: the tree leads to the
 * mappings. Kernel: `struct address_space`, its i_mmap tree, `unmap_mapping_range`.
 */
import { IntervalTree } from '@flatten-js/interval-tree'
import type { AddressSpaceHandle, PageRange } from '@vfiokit/locking'
import type { Vma } from './vma.ts'

/** Mappings keyed by the pages they show. */
export class AddressSpace implements AddressSpaceHandle {
  /** One node for each distinct range: that many processes map the same BAR is the usual case. */
  readonly #tree = new IntervalTree<Set<Vma>>()
  readonly #byRange = new Map<string, Set<Vma>>()
  #zappedPages = 0
  #mappings = 0

  constructor(readonly id: string) {}

  /** How many mappings are linked. */
  get mappingCount(): number {
    return this.#mappings
  }

  /** Pages taken away by {@link unmapMappingRange} since the beginning. */
  get zappedPages(): number {
    return this.#zappedPages
  }

  /**
   * Makes a mapping findable. Kernel: `vma_interval_tree_insert`, under i_mmap_rwsem for writing.
   *
   * @throws TypeError when it is linked already.
   */
  link(vma: Vma): void {
    const range = rangeOf(vma)
    let same = this.#byRange.get(String(range))
    if (same === undefined) {
      same = new Set()
      this.#byRange.set(String(range), same)
      this.#tree.insert(range, same)
    }
    if (same.has(vma)) throw new TypeError(`${vma.id} is linked in ${this.id} already`)
    same.add(vma)
    this.#mappings++
  }

  /**
   * Undoes {@link link}.
   *
   * @throws TypeError when it is not linked.
   */
  unlink(vma: Vma): void {
    const range = rangeOf(vma)
    const same = this.#byRange.get(String(range))
    if (same === undefined || !same.delete(vma)) throw new TypeError(`${vma.id} is not linked in ${this.id}`)
    this.#mappings--
    if (same.size > 0) return
    this.#byRange.delete(String(range))
    this.#tree.remove(range)
  }

  /** The mappings that show any page of a range. */
  overlapping(range: PageRange): readonly Vma[] {
    const found = this.#tree.search([range.first, range.last]) as Set<Vma>[]
    return found.flatMap((same) => [...same])
  }

  /**
   * Takes the pages of a range out of every mapping; the mappings stay and fault again.
   *
   * Costs the logarithm of all mappings, plus the mappings that overlap, plus the pages they lose.
   */
  unmapMappingRange(range: PageRange): number {
    let removed = 0
    for (const vma of this.overlapping(range)) removed += vma.zapSpacePages(range.first, range.last)
    this.#zappedPages += removed
    return removed
  }

  presentPages(range: PageRange): number {
    let present = 0
    for (const vma of this.overlapping(range)) present += vma.presentInSpacePages(range.first, range.last)
    return present
  }
}

/** First and last page in the address space. */
function rangeOf(vma: Vma): [number, number] {
  return [vma.spacePage, vma.spacePage + vma.pages - 1]
}
