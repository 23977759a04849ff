/** Tables and checks when some of their variables never change. */
import type { Check, VariableTable, Write } from './automaton.ts'
import type { Variable } from './symbols.ts'

/** The value of a variable that never changes; undefined for one that does. */
export type Constants = (variable: number) => number | undefined

/** The same table without the variables that never change. */
export function foldTable(
  { variables, entries }: VariableTable,
  symbols: readonly Variable[],
  constants: Constants,
): VariableTable {
  let left = [...entries]
  const kept: number[] = []
  let stride = entries.length
  // Digit by digit: `left` is a table over `kept` and what is still to come.
  let blocks = 1
  for (const variable of variables) {
    const { size } = symbols[variable]!
    const below = stride / size
    const value = constants(variable)
    if (value === undefined) {
      kept.push(variable)
      blocks *= size
    } else {
      const picked: number[] = []
      for (let block = 0; block < blocks; block++) {
        const from = block * stride + value * below
        picked.push(...left.slice(from, from + below))
      }
      left = picked
    }
    stride = below
  }
  return { variables: kept, entries: left }
}

/** The same check; undefined when it can never be violated. */
export function foldCheck(
  check: Check,
  symbols: readonly Variable[],
  constants: Constants,
): Check | undefined {
  const table = foldTable(check.table, symbols, constants)
  if (table.entries.every((entry) => entry === 0)) return undefined
  if (check.anyOf.length === 0) return { ...check, table }
  if (check.anyOf.some((variable) => (constants(variable) ?? 0) !== 0)) return { ...check, table, anyOf: [] }
  const anyOf = check.anyOf.filter((variable) => constants(variable) === undefined)
  return anyOf.length === 0 ? undefined : { ...check, table, anyOf }
}

/** The writes that change something that somebody reads. */
export function foldWrites(
  writes: readonly Write[],
  isRead: (variable: number) => boolean,
  constants: Constants,
): Write[] {
  return writes.flatMap((write) => {
    if (constants(write.variable) !== undefined || !isRead(write.variable)) return []
    if (write.guard === undefined) return [write]
    const value = constants(write.guard.variable)
    if (value === undefined) return [write]
    return (value !== 0) === write.guard.isSet ? [{ ...write, guard: undefined }] : []
  })
}
