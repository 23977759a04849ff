/**
 * States as few words of 32 bits, by straight code made for one program.
 *
 * Interchangeable tasks are sorted first, so that states which differ only in who is who are one state.
 * Lock words are not stored: places say who holds what.
 */
import type { Machine } from './machine.ts'

/** Packs and unpacks the states of one machine. */
export interface Packing {
  /** Words of 32 bits that a state needs. */
  readonly words: number
  /** Writes the state of the machine to `out` at `offset`. */
  readonly pack: (out: Int32Array, offset: number) => void
  /** Makes a stored state the state of the machine. */
  readonly unpack: (from: Int32Array, offset: number) => void
}

interface Field {
  /** Where the value stands: in the sorted places and ranks, or in the state. */
  readonly source: 'sorted' | 'state'
  readonly at: number
  readonly bits: number
  /** Taken away before packing. */
  readonly base: number
}

interface PlacedField extends Field {
  readonly word: number
  readonly shift: number
}

/** @param sorted - Whether interchangeable tasks are sorted. */
export function makePacking(machine: Machine, sorted: boolean): Packing {
  const { fields, words } = place(fieldsOf(machine))
  const scratch = new Int32Array(machine.locks)
  const pack = [
    ...sortingCode(machine, sorted),
    ...Array.from({ length: words }, (_, word) => {
      const parts = fields.filter((field) => field.word === word).map(packCode)
      return `out[offset + ${word}] = ${parts.join(' | ') || '0'}`
    }),
  ]
  const unpack = [
    ...Array.from({ length: words }, (_, word) => `const w${word} = from[offset + ${word}]`),
    ...fields.map(
      ({ at, word, shift, bits, base }) =>
        `state[${at}] = ((w${word} >>> ${shift}) & ${2 ** bits - 1}) + ${base}`,
    ),
    'machine.recoverLocks()',
    'machine.forget()',
  ]
  const make = new Function(
    'machine',
    'state',
    'sorted',
    `return {
      pack: (out, offset) => {\n${pack.join('\n')}\n},
      unpack: (from, offset) => {\n${unpack.join('\n')}\n},
    }`,
  )
  return { words, ...make(machine, machine.state, scratch) }
}

function fieldsOf(machine: Machine): Field[] {
  const { program, tables, fair } = machine
  const fields: Field[] = []
  for (const [task, { automaton }] of program.tasks.entries()) {
    const { nodes } = program.automata[automaton]!
    fields.push({ source: 'sorted', at: task, bits: bitsFor(nodes.length), base: tables.base[automaton]! })
    const waits = fair && nodes.some(({ instruction }) => instruction.kind === 'acquire')
    if (waits)
      fields.push({
        source: 'sorted',
        at: machine.ranks + task,
        bits: bitsFor(machine.taskCount + 1),
        base: 0,
      })
  }
  const changing = changingVariables(machine)
  for (const [variable, { size }] of program.symbols.variables.entries())
    if (changing.has(variable))
      fields.push({ source: 'state', at: machine.variables + variable, bits: bitsFor(size), base: 0 })
  return fields.filter(({ bits }) => bits > 0)
}

/** The variables that some task writes. */
function changingVariables({ program }: Machine): Set<number> {
  const running = new Set(program.tasks.map(({ automaton }) => automaton))
  const changing = new Set<number>()
  for (const automaton of running)
    for (const { instruction } of program.automata[automaton]!.nodes)
      if (instruction.kind === 'write') for (const { variable } of instruction.writes) changing.add(variable)
  return changing
}

function bitsFor(values: number): number {
  return values <= 1 ? 0 : 32 - Math.clz32(values - 1)
}

/** Gives each field its place; none lies across two words. */
function place(fields: readonly Field[]): { fields: PlacedField[]; words: number } {
  let word = 0
  let shift = 0
  const placed = fields.map((field) => {
    if (shift + field.bits > 32) {
      word++
      shift = 0
    }
    const at = { ...field, word, shift }
    shift += field.bits
    return at
  })
  return { fields: placed, words: word + 1 }
}

function packCode({ source, at, base, shift }: PlacedField): string {
  const value = base === 0 ? `${source}[${at}]` : `(${source}[${at}] - ${base})`
  return shift === 0 ? value : `(${value} << ${shift})`
}

/** Copies places and ranks, each group of interchangeable tasks in the order of its places. */
function sortingCode(machine: Machine, sorted: boolean): string[] {
  const { fair, ranks, locks } = machine
  const lines = Array.from({ length: locks }, (_, at) => `sorted[${at}] = state[${at}]`)
  if (!sorted) return lines
  for (const { from, to } of interchangeable(machine)) lines.push(...insertionSort(from, to, fair, ranks))
  return lines
}

function insertionSort(from: number, to: number, fair: boolean, ranks: number): string[] {
  const before = fair
    ? `(sorted[j] > place || (sorted[j] === place && sorted[j + ${ranks}] > rank))`
    : 'sorted[j] > place'
  return [
    `for (let i = ${from + 1}; i < ${to}; i++) {`,
    `  const place = sorted[i]${fair ? `, rank = sorted[i + ${ranks}]` : ''}`,
    '  let j = i - 1',
    `  for (; j >= ${from} && ${before}; j--) {`,
    '    sorted[j + 1] = sorted[j]',
    ...(fair ? [`    sorted[j + 1 + ${ranks}] = sorted[j + ${ranks}]`] : []),
    '  }',
    '  sorted[j + 1] = place',
    ...(fair ? [`  sorted[j + 1 + ${ranks}] = rank`] : []),
    '}',
  ]
}

/** Groups of two and more tasks that do the same: `from` up to but not including `to`. */
export function interchangeable({ program: { tasks } }: Machine): { from: number; to: number }[] {
  const groups: { from: number; to: number }[] = []
  for (let from = 0; from < tasks.length; ) {
    let to = from + 1
    while (to < tasks.length && tasks[to]!.automaton === tasks[from]!.automaton) to++
    if (to - from > 1) groups.push({ from, to })
    from = to
  }
  return groups
}
