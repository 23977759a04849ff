/**
 * A program as a Promela model, so that a verdict can be checked with SPIN by anybody.
 *
 * Locks are those of `any-free-moment`. Every step is one transition, so an unreduced search here and
 * `pan -DNOREDUCE` count the same: SPIN has 2 states and 3 transitions more, of starting the tasks.
 */
import type { AutomatonNode, Check, VariableTable, Write } from '../program/automaton.ts'
import type { Program } from '../program/program.ts'
import type { Variable } from '../program/symbols.ts'

const WRITER = 255

/** @returns the text of a Promela model. */
export function promelaOf(program: Program): string {
  const { symbols, automata, tasks } = program
  const used = [...new Set(tasks.map(({ automaton }) => automaton))]
  const initial = symbols.variables.flatMap(({ initial }, at) =>
    initial === 0 ? [] : [`v[${at}] = ${initial}`],
  )
  return [
    ...symbols.locks.map(({ name }, at) => `/* lk[${at}]: ${comment(name)} */`),
    ...symbols.variables.map(({ name }, at) => `/* v[${at}]: ${comment(name)} */`),
    `byte lk[${Math.max(1, symbols.locks.length)}];`,
    `byte v[${Math.max(1, symbols.variables.length)}];`,
    ...used.map((automaton) => proctype(automaton, automata[automaton]!.nodes, symbols.variables)),
    'init {',
    `  d_step { ${[...initial, 'skip'].join('; ')} };`,
    `  atomic { ${tasks.map(({ automaton }) => `run T${automaton}()`).join('; ')} };`,
    '  end0: false',
    '}',
    '',
  ].join('\n')
}

function proctype(number: number, nodes: readonly AutomatonNode[], variables: readonly Variable[]): string {
  const lines = nodes.map((node, at) => {
    const text = `${comment(node.op)} ${comment(node.object)}`
    return `  n${at}: /* ${text} */\n    ${statement(node, variables)};`
  })
  return [`proctype T${number}() {`, ...lines, '  end0: false', '}'].join('\n')
}

function statement(node: AutomatonNode, variables: readonly Variable[]): string {
  const { instruction, next } = node
  if (instruction.kind === 'end') return 'goto end0'
  const asserts = node.checks.map((check) => `assert(!(${violation(check, variables)}))`)
  const step = (guard: string, effects: readonly string[], result: number) =>
    `atomic { ${[`${guard} -> ${[...effects, ...asserts, `goto n${next[result]!}`].join('; ')}`]} }`
  const oneOf = (steps: readonly string[]) =>
    steps.length === 1 ? steps[0]! : `if\n${steps.map((each) => `    :: ${each}`).join('\n')}\n    fi`
  switch (instruction.kind) {
    case 'acquire':
      return step(isFree(instruction), [taken(instruction)], 0)
    case 'try-acquire':
      return oneOf([
        step(isFree(instruction), [taken(instruction)], 1),
        step(`!(${isFree(instruction)})`, [], 0),
      ])
    case 'release':
      return step('true', [released(instruction)], 0)
    case 'read':
      return oneOf(next.map((_, result) => step(isEntry(instruction.table, result, variables), [], result)))
    case 'write':
      return step('true', instruction.writes.map(writeStatement), 0)
    case 'first': {
      const none = instruction.variables.map((each) => `v[${each}] == 0`).join(' && ')
      return oneOf([
        ...instruction.variables.map((each, result) => step(`v[${each}] == 1`, [], result)),
        step(none, [], instruction.variables.length),
      ])
    }
    case 'choice':
      return oneOf(next.map((_, result) => step('true', [], result)))
  }
}

interface LockInstruction {
  readonly lock: number
  readonly mode: 'read' | 'write'
}

const isFree = ({ lock, mode }: LockInstruction): string =>
  mode === 'write' ? `lk[${lock}] == 0` : `lk[${lock}] != ${WRITER}`
const taken = ({ lock, mode }: LockInstruction): string =>
  mode === 'write' ? `lk[${lock}] = ${WRITER}` : `lk[${lock}]++`
const released = ({ lock, mode }: LockInstruction): string =>
  mode === 'write' ? `lk[${lock}] = 0` : `lk[${lock}]--`

function writeStatement({ variable, value, guard }: Write): string {
  const write = `v[${variable}] = ${value}`
  if (guard === undefined) return write
  return `if :: v[${guard.variable}] == ${Number(guard.isSet)} -> ${write} :: else fi`
}

/** True where a table has an entry: an "or" over rows. */
function isEntry({ variables, entries }: VariableTable, entry: number, symbols: readonly Variable[]): string {
  const rows = [...entries.keys()].filter((row) => entries[row] === entry)
  if (variables.length === 0) return String(rows.length > 0)
  const conjunctions = rows.map((row) => {
    let stride = entries.length
    let left = row
    return variables
      .map((variable) => {
        stride /= symbols[variable]!.size
        const digit = Math.floor(left / stride)
        left %= stride
        return `v[${variable}] == ${digit}`
      })
      .join(' && ')
  })
  return conjunctions.length === 0 ? 'false' : `(${conjunctions.join(' || ')})`
}

/** @throws RangeError for a predicate that only its own code knows. */
function violation({ table, anyOf, alsoAsk, message }: Check, symbols: readonly Variable[]): string {
  if (alsoAsk !== undefined)
    throw new RangeError(`"${message}" is a predicate of code; Promela has no word for it`)
  const any = anyOf.map((variable) => `v[${variable}]`).join(' + ')
  return [isEntry(table, 1, symbols), ...(anyOf.length === 0 ? [] : [`(${any}) != 0`])].join(' && ')
}

/** Names come from files of other people. */
function comment(text: string): string {
  return text.replaceAll('*/', '* /').replaceAll(/[\r\n]/g, ' ')
}
