/**
 * What a task may still do, seen by somebody who holds locks and does not move.
 *
 * A footprint is a set of actions on locks and variables. It is cut where the task would have to wait
 * for the holder, and follows a try only to its failure when the holder makes it fail.
 */
import type { AutomatonNode, HeldLock } from '../program/automaton.ts'
import type { Machine } from './machine.ts'

/** Actions on a lock, as bits from `lock * ACTIONS_OF_LOCK` on. */
export const LOCK_ACTION = {
  WRITE: 0,
  READ: 1,
  TRY_WRITE: 2,
  TRY_READ: 3,
  DROP_WRITE: 4,
  DROP_READ: 5,
} as const
/** Actions on a variable. Writing 0 and writing something else do not go together; two zaps do. */
export const VARIABLE_ACTION = { READ: 0, CLEAR: 1, SET: 2 } as const

const ACTIONS_OF_LOCK = 6
const ACTIONS_OF_VARIABLE = 3

/** Sets of actions of one program. */
export class ActionSpace {
  /** Words of 32 bits that a set needs. */
  readonly words: number
  readonly #firstVariable: number
  readonly #variableCount: number

  constructor(machine: Machine) {
    const { locks, variables } = machine.program.symbols
    this.#variableCount = variables.length
    this.#firstVariable = locks.length * ACTIONS_OF_LOCK
    this.words = Math.max(1, Math.ceil((this.#firstVariable + variables.length * ACTIONS_OF_VARIABLE) / 32))
  }

  /** What a predicate that says nothing about itself may look at. */
  everyVariable(): number[] {
    return [...Array(this.#variableCount).keys()]
  }

  ofLock(lock: number, action: number): number {
    return lock * ACTIONS_OF_LOCK + action
  }

  ofVariable(variable: number, action: number): number {
    return this.#firstVariable + variable * ACTIONS_OF_VARIABLE + action
  }
}

/** What one node does, whatever else is going on. */
export function ownActions(node: AutomatonNode, space: ActionSpace): number[] {
  return [...instructionActions(node, space), ...checkActions(node, space)]
}

function instructionActions({ instruction }: AutomatonNode, space: ActionSpace): number[] {
  switch (instruction.kind) {
    case 'acquire':
      return [space.ofLock(instruction.lock, LOCK_ACTION[upper(instruction.mode)])]
    case 'try-acquire':
      return [space.ofLock(instruction.lock, LOCK_ACTION[`TRY_${upper(instruction.mode)}`])]
    case 'release':
      return [space.ofLock(instruction.lock, LOCK_ACTION[`DROP_${upper(instruction.mode)}`])]
    case 'read':
      return instruction.table.variables.map((each) => space.ofVariable(each, VARIABLE_ACTION.READ))
    case 'first':
      return instruction.variables.map((each) => space.ofVariable(each, VARIABLE_ACTION.READ))
    case 'write':
      return instruction.writes.flatMap(({ variable, value, guard }) => [
        space.ofVariable(variable, value === 0 ? VARIABLE_ACTION.CLEAR : VARIABLE_ACTION.SET),
        ...(guard === undefined ? [] : [space.ofVariable(guard.variable, VARIABLE_ACTION.READ)]),
      ])
    default:
      return []
  }
}

/** A check reads: an invariant that nobody reads would be reordered away. */
export function checkActions({ checks }: AutomatonNode, space: ActionSpace): number[] {
  return checks.flatMap(({ table, anyOf, alsoAsk }) => {
    const read = alsoAsk === undefined ? [...table.variables, ...anyOf] : space.everyVariable()
    return read.map((each) => space.ofVariable(each, VARIABLE_ACTION.READ))
  })
}

const upper = (mode: 'read' | 'write'): 'READ' | 'WRITE' => (mode === 'read' ? 'READ' : 'WRITE')

/** Footprints of all nodes against one set of held locks: `words` words for each node. */
export function footprintsAgainst(
  heldByOther: readonly HeldLock[],
  machine: Machine,
  space: ActionSpace,
): Int32Array {
  const { nodes, next, firstNext } = machine.tables
  const { words } = space
  const futures = new Int32Array(nodes.length * words)
  const own = nodes.map((node) => passing(node, heldByOther, machine.fair, space))
  for (const [at, { actions }] of own.entries())
    for (const action of actions) futures[at * words + (action >>> 5)]! |= 1 << (action & 31)
  for (let changed = true; changed; ) {
    changed = false
    for (let at = nodes.length - 1; at >= 0; at--)
      for (const result of own[at]!.results) {
        const from = next[firstNext[at]! + result]! * words
        for (let word = 0; word < words; word++) {
          const before = futures[at * words + word]!
          const after = before | futures[from + word]!
          if (after === before) continue
          futures[at * words + word] = after
          changed = true
        }
      }
  }
  return futures
}

/** What a node does while the locks of another are held, and with which results it can go on. */
function passing(
  node: AutomatonNode,
  heldByOther: readonly HeldLock[],
  fair: boolean,
  space: ActionSpace,
): { actions: readonly number[]; results: readonly number[] } {
  const { instruction } = node
  const all = [...node.next.keys()]
  const actions = ownActions(node, space)
  if (instruction.kind !== 'acquire' && instruction.kind !== 'try-acquire') return { actions, results: all }
  const { lock, mode } = instruction
  const isExcluded = heldByOther.some(
    (held) => held.lock === lock && (held.mode === 'write' || mode === 'write'),
  )
  // A fair lock can be queued for while it is held, and that is an action; then the task stands still.
  if (instruction.kind === 'acquire')
    return isExcluded ? { actions: fair ? actions : [], results: [] } : { actions, results: all }
  if (isExcluded) return { actions, results: [0] }
  return { actions: [...actions, space.ofLock(lock, LOCK_ACTION[upper(mode)])], results: all }
}
