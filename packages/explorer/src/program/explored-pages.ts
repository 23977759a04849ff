/** Mappings and address spaces as variables: one bit or two for each unit of a mapping. */
import type { InsertOp, MappingHandle, Op, ZapOp } from '@vfiokit/locking'
import type { Write } from './automaton.ts'

/** What a model says about pages, so that ops on them can be explored. */
export interface ExploredPages {
  /** The variable of the unit that a page belongs to: 0 absent, 1 present. */
  page(mapping: MappingHandle, page: number): number
  /** The variable that says whether a mapping still exists. */
  linked(mapping: MappingHandle): number
  inserted(op: InsertOp): readonly Write[]
  zapped(op: ZapOp): readonly Write[]
  emptied(mapping: MappingHandle): readonly Write[]
  /** Of an op of the kind `link`, which only the model knows. */
  relinked(op: Op<unknown>): readonly Write[]
}

/** For operations without mappings. @throws TypeError when there is one after all. */
export const NO_PAGES: ExploredPages = {
  page: refuse,
  linked: refuse,
  inserted: refuse,
  zapped: refuse,
  emptied: refuse,
  relinked: refuse,
}

function refuse(): never {
  throw new TypeError('an operation on pages needs a model that has mappings')
}
