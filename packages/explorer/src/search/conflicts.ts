/**
 * Which step of one task can be disturbed by what another may still do.
 *
 * A step is looked at in one of two variants: a try that would get its lock or not, a read of a
 * variable that is 0 or not, a write that changes something or nothing.
 */
import type { AutomatonNode } from '../program/automaton.ts'
import {
  ActionSpace,
  checkActions,
  footprintsAgainst,
  LOCK_ACTION,
  ownActions,
  VARIABLE_ACTION,
} from './footprints.ts'
import type { Machine } from './machine.ts'
import { KIND } from './node-tables.ts'

const { WRITE, READ, TRY_WRITE, TRY_READ, DROP_WRITE, DROP_READ } = LOCK_ACTION

/** For lock steps: actions on the same lock that do not go together with it. `[variant 0, variant 1]` */
export const LOCK_CONFLICTS: Readonly<Record<number, readonly [readonly number[], readonly number[]]>> = {
  [KIND.ACQUIRE_WRITE]: [
    [WRITE, READ],
    [WRITE, READ],
  ],
  [KIND.ACQUIRE_READ]: [[WRITE], [WRITE]],
  [KIND.TRY_WRITE]: [
    [DROP_WRITE, DROP_READ],
    [WRITE, READ, TRY_WRITE, TRY_READ],
  ],
  [KIND.TRY_READ]: [[DROP_WRITE], [WRITE, TRY_WRITE]],
  [KIND.RELEASE_WRITE]: [
    [TRY_WRITE, TRY_READ],
    [TRY_WRITE, TRY_READ],
  ],
  [KIND.RELEASE_READ]: [[TRY_WRITE], [TRY_WRITE]],
}

/**
 * Which conflicts come with a queue: a reader that comes late misses the wake of those that the writer
 * lets in, if another writer waits behind them.
 *
 * Seen from that reader nothing has to be added. The writer that waits disturbs its acquire anyhow, and
 * brings in the holder of the lock, whose release it is.
 */
const QUEUE_CONFLICTS: Readonly<Record<number, readonly number[]>> = { [KIND.RELEASE_WRITE]: [READ] }

/** Conflicts of every step with every future. */
export class ConflictTable {
  /** `[(variant * nodes + step) * nodes + future]` is 1 for a conflict. */
  readonly conflicts: Uint8Array
  readonly nodeCount: number

  constructor(machine: Machine) {
    const { tables } = machine
    const space = new ActionSpace(machine)
    const futures = tables.heldSets.map((held) => footprintsAgainst(held, machine, space))
    const count = tables.nodes.length
    this.nodeCount = count
    this.conflicts = new Uint8Array(2 * count * count)
    const mask = new Int32Array(space.words)
    for (let variant = 0; variant < 2; variant++)
      for (let step = 0; step < count; step++) {
        mask.fill(0)
        for (const action of conflictsOf(tables.nodes[step]!, tables.kind[step]!, variant, machine, space))
          mask[action >>> 5]! |= 1 << (action & 31)
        this.#compare(mask, futures[tables.held[step]!]!, (variant * count + step) * count)
      }
  }

  #compare(mask: Int32Array, futures: Int32Array, into: number): void {
    const words = mask.length
    for (let future = 0; future < this.nodeCount; future++)
      for (let word = 0; word < words; word++)
        if ((mask[word]! & futures[future * words + word]!) !== 0) {
          this.conflicts[into + future] = 1
          break
        }
  }
}

function conflictsOf(
  node: AutomatonNode,
  kind: number,
  variant: number,
  machine: Machine,
  space: ActionSpace,
): number[] {
  const { instruction } = node
  const checks = checkActions(node, space).flatMap((read) => disturbs(read, VARIABLE_ACTION.READ))
  switch (instruction.kind) {
    case 'acquire':
    case 'try-acquire':
    case 'release': {
      const queue = machine.fair ? (QUEUE_CONFLICTS[kind] ?? []) : []
      const actions = [...LOCK_CONFLICTS[kind]![variant]!, ...queue]
      return [...checks, ...actions.map((action) => space.ofLock(instruction.lock, action))]
    }
    case 'read':
      return [...checks, ...readConflicts(instruction.table.variables, variant, machine, space)]
    case 'first':
      return [...checks, ...ownActions(node, space).flatMap((read) => disturbs(read, VARIABLE_ACTION.READ))]
    case 'write':
      return [
        ...checks,
        ...instruction.writes.flatMap(({ variable, value, guard }) => [
          ...writeConflicts(variable, value, variant, machine, space),
          ...(guard === undefined
            ? []
            : disturbs(space.ofVariable(guard.variable, VARIABLE_ACTION.READ), VARIABLE_ACTION.READ)),
        ]),
      ]
    default:
      return checks
  }
}

/** Both kinds of writes disturb a read. */
function disturbs(action: number, kind: number): number[] {
  return [action - kind + VARIABLE_ACTION.CLEAR, action - kind + VARIABLE_ACTION.SET]
}

/** Of a variable with two values, only the write of the other value matters. */
function readConflicts(
  variables: readonly number[],
  variant: number,
  machine: Machine,
  space: ActionSpace,
): number[] {
  const [only] = variables
  if (variables.length === 1 && machine.program.symbols.variables[only!]!.size === 2)
    return [space.ofVariable(only!, variant === 1 ? VARIABLE_ACTION.CLEAR : VARIABLE_ACTION.SET)]
  return variables.flatMap((variable) =>
    disturbs(space.ofVariable(variable, VARIABLE_ACTION.READ), VARIABLE_ACTION.READ),
  )
}

/** A write of what is there already disturbs nobody, and is disturbed by another value only. */
function writeConflicts(
  variable: number,
  value: number,
  variant: number,
  machine: Machine,
  space: ActionSpace,
): number[] {
  const of = (action: number) => space.ofVariable(variable, action)
  const isBinary = machine.program.symbols.variables[variable]!.size === 2
  const others = value === 0 ? [of(VARIABLE_ACTION.SET)] : [of(VARIABLE_ACTION.CLEAR)]
  if (value !== 0 && !isBinary) others.push(of(VARIABLE_ACTION.SET))
  return variant === 1 ? others : [...others, of(VARIABLE_ACTION.READ)]
}
