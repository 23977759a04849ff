/** Which results an op can have: what the search branches over. */
import {
  type BoundedList,
  Cell,
  DerivedCell,
  type EffectOp,
  type GetOp,
  type Listed,
  type ListFirstOp,
  type Op,
  type Readable,
} from '@vfiokit/locking'
import { CompileError } from './compile-error.ts'

const NOTHING: readonly unknown[] = [undefined]
const NO_OR_YES: readonly unknown[] = [false, true]

/**
 * Every result of an op, in a fixed order.
 *
 * @throws CompileError for an effect that does not list its outcomes, and for what can never answer.
 */
export function resultsOf(op: Op<unknown>, operation: string): readonly unknown[] {
  switch (op.kind) {
    case 'try-acquire':
    case 'list-has':
    case 'access':
    case 'is-linked':
      return NO_OR_YES
    case 'get':
      return valuesOf((op as GetOp<unknown>).cell)
    case 'list-first':
      return [...candidatesOf(op as ListFirstOp<Listed>), undefined]
    case 'effect':
      return outcomesOf(op as EffectOp<unknown>, operation)
    default:
      return NOTHING
  }
}

/** Members of the universe of a list that its predicate admits, in the order of the universe. */
export function candidatesOf<T extends Listed>({ list, where }: ListFirstOp<T>): T[] {
  return membersOf(list).filter((member) => where === undefined || where(member))
}

/** Everything that could ever be listed. */
export function membersOf<T extends Listed>(list: BoundedList<T>): T[] {
  return [...list.universe()]
}

function outcomesOf({ outcomes, object }: EffectOp<unknown>, operation: string): readonly unknown[] {
  if (outcomes.length > 0) return outcomes
  throw new CompileError('endless-results', operation, `effect "${object}" does not list its outcomes`)
}

/** Values of a cell; of a derived one, those that it really takes, in the order of first appearance. */
function valuesOf(cell: Readable<unknown>): readonly unknown[] {
  return Cell.is(cell) ? cell.values : [...new Set(derivedTable(cell).values)]
}

/** A derived cell as a table over plain cells. The first cell is the most significant digit. */
export interface DerivedTable {
  readonly cells: readonly Cell<unknown>[]
  /** By mixed radix over the values of `cells`. */
  readonly values: readonly unknown[]
}

const tables = new WeakMap<object, DerivedTable>()

/** Evaluates a derived cell for every combination of what it is computed from. */
export function derivedTable(cell: Readable<unknown>): DerivedTable {
  let table = tables.get(cell)
  if (table === undefined) {
    const cells = [...new Set(sourcesOf(cell))]
    table = { cells, values: evaluate(cells, () => cell.peek()) }
    tables.set(cell, table)
  }
  return table
}

function sourcesOf(cell: Readable<unknown>): Cell<unknown>[] {
  if (Cell.is(cell)) return [cell]
  if (DerivedCell.is(cell)) return cell.sources.flatMap(sourcesOf)
  throw new TypeError(`${cell.name} is neither a cell nor derived from cells`)
}

/** What `compute` answers for each combination of values; the cells keep what they had. */
export function evaluate<T>(cells: readonly Cell<unknown>[], compute: () => T): T[] {
  const before = cells.map((cell) => cell.peek())
  const results: T[] = []
  const assign = (at: number): void => {
    const cell = cells[at]
    if (cell === undefined) return void results.push(compute())
    for (const value of cell.values) {
      cell.backing.write(value)
      assign(at + 1)
    }
  }
  try {
    assign(0)
  } finally {
    for (const [at, cell] of cells.entries()) cell.backing.write(before[at])
  }
  return results
}
