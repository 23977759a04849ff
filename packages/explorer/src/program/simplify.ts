/**
 * Makes automata smaller without changing what can be observed: state that never changes is folded
 * away, steps that touch nothing are passed over, equal futures are one node.
 */
import type { Automaton, AutomatonNode, Instruction } from './automaton.ts'
import { type Constants, foldCheck, foldTable, foldWrites } from './fold.ts'
import { minimise, reachable } from './minimise.ts'
import type { Symbols } from './symbols.ts'

/** Simplifies automata together: what one writes another may read. */
export function simplify(automata: readonly Automaton[], { variables }: Symbols): Automaton[] {
  let current = automata.map(reachable)
  for (;;) {
    const usage = usageOf(current, variables)
    const constants: Constants = (variable) => {
      const { initial } = variables[variable]!
      const written = usage.written.get(variable)
      return written === undefined || (written.size === 1 && written.has(initial)) ? initial : undefined
    }
    const isRead = (variable: number) => usage.read.has(variable)
    const folded = current.map((automaton) => ({
      ...automaton,
      nodes: automaton.nodes.map((node) => foldNode(node, { variables, constants, isRead })),
    }))
    const next = folded.map((automaton) => minimise(reachable(passOver(automaton))))
    const isSmaller = next.some(({ nodes }, at) => nodes.length < current[at]!.nodes.length)
    const isSimpler = folded.some(({ nodes }, at) => nodes.some((node, i) => node !== current[at]!.nodes[i]))
    current = next
    if (!isSmaller && !isSimpler) return current
  }
}

interface Usage {
  readonly written: ReadonlyMap<number, ReadonlySet<number>>
  readonly read: ReadonlySet<number>
}

function usageOf(automata: readonly Automaton[], variables: Symbols['variables']): Usage {
  const written = new Map<number, Set<number>>()
  const read = new Set<number>()
  for (const { nodes } of automata)
    for (const { instruction, checks } of nodes) {
      for (const { table, anyOf, alsoAsk } of checks) {
        // Nobody knows what a predicate of somebody else looks at.
        const asked = alsoAsk === undefined ? [...table.variables, ...anyOf] : variables.keys()
        for (const variable of asked) read.add(variable)
      }
      if (instruction.kind === 'read') for (const variable of instruction.table.variables) read.add(variable)
      else if (instruction.kind === 'first') for (const variable of instruction.variables) read.add(variable)
      else if (instruction.kind === 'write')
        for (const { variable, value, guard } of instruction.writes) {
          written.set(variable, (written.get(variable) ?? new Set()).add(value))
          if (guard !== undefined) read.add(guard.variable)
        }
    }
  return { written, read }
}

interface FoldContext {
  readonly variables: Symbols['variables']
  readonly constants: Constants
  readonly isRead: (variable: number) => boolean
}

/** The same object when nothing changed. */
function foldNode(node: AutomatonNode, context: FoldContext): AutomatonNode {
  const { variables, constants } = context
  const checks = node.checks.flatMap((check) => foldCheck(check, variables, constants) ?? [])
  const isSameCheck = checks.every((check, at) => sameJson(check, node.checks[at]))
  const base = checks.length === node.checks.length && isSameCheck ? node : { ...node, checks }
  const { instruction } = base
  if (instruction.kind === 'read') return foldRead(base, instruction, context)
  if (instruction.kind === 'first') return foldFirst(base, instruction, context)
  if (instruction.kind === 'choice') return foldChoice(base, instruction.outcomes)
  if (instruction.kind !== 'write') return base
  const writes = foldWrites(instruction.writes, context.isRead, constants)
  if (sameJson(writes, instruction.writes)) return base
  return { ...base, instruction: writes.length === 0 ? NOTHING : { kind: 'write', writes } }
}

function foldRead(
  node: AutomatonNode,
  instruction: Instruction & { kind: 'read' },
  { variables, constants }: FoldContext,
): AutomatonNode {
  const folded = foldTable(instruction.table, variables, constants)
  const results = [...new Set(folded.entries)].sort((a, b) => a - b)
  if (leadTheSameWay(node, results)) return { ...narrow(node, results.slice(0, 1)), instruction: NOTHING }
  const isSame = folded.variables.length === instruction.table.variables.length
  if (isSame && results.length === node.next.length) return node
  const entries = folded.entries.map((entry) => results.indexOf(entry))
  return { ...narrow(node, results), instruction: { kind: 'read', table: { ...folded, entries } } }
}

function foldFirst(
  node: AutomatonNode,
  instruction: Instruction & { kind: 'first' },
  { constants }: FoldContext,
): AutomatonNode {
  // A member that is always listed is left alone: a list whose members never change is rare.
  const kept = [...instruction.variables.keys()].filter((at) => constants(instruction.variables[at]!) !== 0)
  if (kept.length === instruction.variables.length) return node
  const results = [...kept, instruction.variables.length]
  const variables = kept.map((at) => instruction.variables[at]!)
  const narrowed = narrow(node, results)
  return { ...narrowed, instruction: kept.length === 0 ? NOTHING : { kind: 'first', variables } }
}

function foldChoice(node: AutomatonNode, outcomes: number): AutomatonNode {
  const results = [...node.next.keys()]
  if (outcomes === 1 || !leadTheSameWay(node, results)) return node
  return { ...narrow(node, [0]), instruction: NOTHING }
}

const NOTHING: Instruction = { kind: 'choice', outcomes: 1 }

/** A node of which only some results remain. */
function narrow(node: AutomatonNode, results: readonly number[]): AutomatonNode {
  const pick = <T>(all: readonly T[]): T[] => results.map((result) => all[result]!)
  return { ...node, next: pick(node.next), progress: pick(node.progress), results: pick(node.results) }
}

function leadTheSameWay({ next, progress }: AutomatonNode, results: readonly number[]): boolean {
  const [first] = results
  return results.every((each) => next[each] === next[first!] && progress[each] === progress[first!])
}

/** Leads every edge past the steps that touch nothing; what was said of progress on the way is kept. */
function passOver({ name, nodes }: Automaton): Automaton {
  const isNothing = (at: number) => {
    const { instruction, checks } = nodes[at]!
    return instruction.kind === 'choice' && instruction.outcomes === 1 && checks.length === 0
  }
  const land = (from: number): { at: number; progress: boolean } => {
    const seen = new Set<number>()
    let progress = false
    let at = from
    while (isNothing(at) && !seen.has(at)) {
      seen.add(at)
      progress ||= nodes[at]!.progress[0]!
      at = nodes[at]!.next[0]!
    }
    return { at, progress }
  }
  const led = nodes.map((node) => {
    const landed = node.next.map(land)
    return {
      ...node,
      next: landed.map(({ at }) => at),
      progress: node.progress.map((said, at) => said || landed[at]!.progress),
    }
  })
  const start = land(0).at
  return { name, nodes: start === 0 ? led : swapped(led, start) }
}

/** The same automaton with the nodes 0 and `start` changed for each other. */
function swapped(nodes: readonly AutomatonNode[], start: number): AutomatonNode[] {
  const number = (at: number) => (at === 0 ? start : at === start ? 0 : at)
  return nodes.map((_, at) => {
    const node = nodes[number(at)]!
    return { ...node, next: node.next.map(number) }
  })
}

function sameJson(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
