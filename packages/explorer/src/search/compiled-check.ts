/** Checks as straight code: they are asked at every write. */
import type { Check } from '../program/automaton.ts'
import type { Machine } from './machine.ts'

/**
 * Code that finds the first of some checks that a state violates.
 *
 * Made of numbers only: no text of a program gets into it.
 */
export function compileCheck(
  checks: readonly Check[],
  machine: Pick<Machine, 'variables' | 'program'>,
): (state: Int32Array) => Check | undefined {
  if (checks.length === 0) return () => undefined
  const { variables: symbols } = machine.program.symbols
  const at = (variable: number) => `state[${machine.variables + variable}]`
  const lines = checks.map(({ table, anyOf, alsoAsk }, index) => {
    let stride = table.entries.length
    const digits = table.variables.map((variable) => {
      stride /= symbols[variable]!.size
      return `${at(variable)} * ${stride}`
    })
    const conditions = [
      ...(digits.length === 0
        ? [String(table.entries[0] === 1)]
        : [`tables[${index}][${digits.join('+')}] === 1`]),
      ...(anyOf.length === 0 ? [] : [`(${anyOf.map(at).join('|')}) !== 0`]),
      ...(alsoAsk === undefined ? [] : [`ask(checks[${index}], state)`]),
    ]
    return `if (${conditions.join(' && ')}) return checks[${index}]`
  })
  const tables = checks.map(({ table }) => Uint8Array.from(table.entries))
  const ask = (check: Check, state: Int32Array): boolean => {
    for (const [variable, { show }] of symbols.entries()) show(state[machine.variables + variable]!)
    return check.alsoAsk!()
  }
  const make = new Function('tables', 'checks', 'ask', `return (state) => {\n${lines.join('\n')}\n}`)
  return make(tables, checks, ask)
}
