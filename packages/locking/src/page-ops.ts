/** Ops on mappings and their pages: access one, insert one, zap many. Each is one atomic step. */
import type { AddressSpaceHandle, MappingHandle, PageRange } from './handles.ts'
import { Op } from './op.ts'

/** Takes the pages of ranges out of all mappings of an address space. */
export class ZapOp extends Op<void> {
  readonly kind = 'zap'

  constructor(
    readonly space: AddressSpaceHandle,
    readonly ranges: readonly PageRange[],
  ) {
    super()
  }

  get object(): string {
    return this.space.id
  }

  perform(): void {
    for (const range of this.ranges) this.space.unmapMappingRange(range)
  }
}

/** Takes every page out of one mapping. */
export class ZapMappingOp extends Op<void> {
  readonly kind = 'zap-mapping'

  constructor(readonly mapping: MappingHandle) {
    super()
  }

  get object(): string {
    return this.mapping.id
  }

  perform(): void {
    this.mapping.zap()
  }
}

/** A CPU access through a mapping: true when the page was there. */
export class AccessOp extends Op<boolean> {
  readonly kind = 'access'

  constructor(
    readonly mapping: MappingHandle,
    readonly page: number,
    readonly use: (() => void) | undefined,
  ) {
    super()
  }

  get object(): string {
    return `${this.mapping.id} page ${this.page}`
  }

  perform(): boolean {
    const present = this.mapping.has(this.page)
    if (present) this.use?.()
    return present
  }
}

/** Puts a page, or all pages, into a mapping. */
export class InsertOp extends Op<void> {
  readonly kind = 'insert'

  constructor(
    readonly mapping: MappingHandle,
    readonly page: number | 'all',
    readonly frame: unknown,
  ) {
    super()
  }

  get object(): string {
    return this.page === 'all' ? `${this.mapping.id} whole` : `${this.mapping.id} page ${this.page}`
  }

  perform(): void {
    this.mapping.insert(this.page, this.frame)
  }
}

/** Looks whether a mapping still exists. */
export class IsLinkedOp extends Op<boolean> {
  readonly kind = 'is-linked'

  constructor(readonly mapping: MappingHandle) {
    super()
  }

  get object(): string {
    return this.mapping.id
  }

  perform(): boolean {
    return this.mapping.isLinked
  }
}

/**
 * Takes the pages of `ranges` away, in every process at once. i_mmap_rwsem is inside this one step:
 * lockdep knows it as part of the op's footprint.
 */
export function zap(space: AddressSpaceHandle, ranges: readonly PageRange[]): Op<void> {
  return new ZapOp(space, ranges)
}

/** Takes every page of one mapping away. Kernel: `zap_vma_ptes`. */
export function zapMapping(mapping: MappingHandle): Op<void> {
  return new ZapMappingOp(mapping)
}

/**
 * Touches a page of a mapping, as user space does: through the page table, without any lock.
 *
 * @param use - What the access does, in the same step: nothing can come between finding and using.
 */
export function access(mapping: MappingHandle, page: number, use?: () => void): Op<boolean> {
  return new AccessOp(mapping, page, use)
}

/** Maps one page (or every page) of a mapping. A page that is already there is no error. */
export function insert(mapping: MappingHandle, page: number | 'all', frame?: unknown): Op<void> {
  return new InsertOp(mapping, page, frame)
}

/** Whether a mapping still exists: munmap may have come first. Kernel: `find_vma` in a page fault. */
export function isLinked(mapping: MappingHandle): Op<boolean> {
  return new IsLinkedOp(mapping)
}
