/** A counterexample: the steps that lead to what must not be, task by task. */
import type { Program } from '../program/program.ts'
import type { LockSemantics, Machine } from '../search/machine.ts'

/** One step that a task takes. */
export interface TraceStep {
  readonly task: string
  /** Kind of the op: `acquire`, `zap`, ... */
  readonly op: string
  readonly object: string
  /** What it answered; `waits` for an acquire that has to. */
  readonly result: string
}

/** A task that waits for ever. */
export interface BlockedPlace {
  readonly task: string
  readonly waitsFor: string
  readonly holds: readonly string[]
}

/** The steps to a finding, and how it looks there. */
export interface Counterexample {
  readonly lockSemantics: LockSemantics
  readonly steps: readonly TraceStep[]
  /** Of a deadlock: every task that has not ended. */
  readonly blocked: readonly BlockedPlace[]
  /** Whether no shorter one exists. */
  readonly isShortest: boolean
  /** Of a livelock: the number of the step, from 1, with which the steps begin anew for ever. */
  readonly loopsFrom?: number
}

/** Takes a step of the machine and writes it down. */
export function takeAndTell(machine: Machine, task: number, way: number, name: string): TraceStep {
  const node = machine.tables.nodes[machine.state[task]!]!
  const queued = queuedTasks(machine)
  const result = machine.take(task, way)
  const woken = queued.filter((each) => !machine.isQueued(each)).length
  const { op, object } = node
  if (result < 0) return { task: name, op, object, result: 'waits' }
  const wakes = woken > 0 ? `wakes ${woken}` : ''
  return { task: name, op, object, result: node.results[result] || wakes }
}

function queuedTasks(machine: Machine): number[] {
  return [...Array(machine.taskCount).keys()].filter((task) => machine.isQueued(task))
}

/** Who waits for what in the state of the machine. `names[task]` is what a task is called. */
export function blockedPlaces(machine: Machine, names: readonly string[]): BlockedPlace[] {
  const { locks } = machine.program.symbols
  return names.flatMap((task, at) => {
    if (machine.hasEnded(at)) return []
    const node = machine.tables.nodes[machine.state[at]!]!
    const holds = node.held.map(({ lock, mode }) => `${locks[lock]!.name} (${mode})`)
    return [{ task, waitsFor: node.object, holds }]
  })
}

/** Names of the tasks of a program, in its order. */
export function taskNames({ tasks }: Program): string[] {
  return tasks.map(({ name }) => name)
}
