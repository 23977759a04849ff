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
  readonly #tree = new IntervalTree<Vma>()
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

  /** Makes a mapping findable. Kernel: `vma_interval_tree_insert`, under i_mmap_rwsem for writing. */
  link(vma: Vma): void {
    this.#tree.insert(keyOf(vma), vma)
    this.#mappings++
  }

  /** Undoes {@link link}. */
  unlink(vma: Vma): void {
    this.#tree.remove(keyOf(vma), vma)
    this.#mappings--
  }

  /** The mappings that show any page of a range. */
  overlapping(range: PageRange): readonly Vma[] {
    return this.#tree.search([range.first, range.last]) as Vma[]
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
    return this.overlapping(range).reduce(
      (sum, vma) => sum + vma.presentInSpacePages(range.first, range.last),
      0,
    )
  }
}

function keyOf(vma: Vma): [number, number] {
  return [vma.spacePage, vma.spacePage + vma.pages - 1]
}
