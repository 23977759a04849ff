/** Replays a counterexample that was kept: does the code still do these steps, and to the same end? */
import type { Program } from '../program/program.ts'
import { type Counterexample, type TraceStep, takeAndTell, taskNames } from '../report/counterexample.ts'
import { Machine } from '../search/machine.ts'

/** What became of a replay. */
export type Replay =
  /** All steps were taken; `property` is what was violated, or `deadlock`, or absent: it holds now. */
  | { readonly outcome: 'same-steps'; readonly property: string | undefined }
  /** The code does something else now. `at` is the number of the step, from 1. */
  | { readonly outcome: 'diverged'; readonly at: number; readonly expected: string; readonly found: string }

/** Takes the steps of a counterexample, one by one. */
export function replay(program: Program, { steps, lockSemantics }: Counterexample): Replay {
  const machine = new Machine(program, lockSemantics)
  const names = taskNames(program)
  for (const [index, step] of steps.entries()) {
    const at = index + 1
    const task = names.indexOf(step.task)
    const diverged = (found: string): Replay => ({ outcome: 'diverged', at, expected: describe(step), found })
    if (task < 0) return diverged(`no task ${step.task}`)
    const node = machine.tables.nodes[machine.state[task]!]!
    if (!machine.isEnabled(task))
      return diverged(`${step.task} cannot go on: ${node.op} ${node.object}`.trim())
    const taken = takeLike(machine, task, step)
    if (describe(taken) !== describe(step)) return diverged(describe(taken))
    if (machine.violated !== undefined && at < steps.length)
      return diverged(`${machine.violated.property} is violated here already`)
  }
  const { violated } = machine
  if (violated !== undefined) return { outcome: 'same-steps', property: violated.property }
  const tasks = [...names.keys()]
  const isStuck =
    tasks.every((task) => !machine.isEnabled(task)) && !tasks.every((task) => machine.hasEnded(task))
  return { outcome: 'same-steps', property: isStuck ? 'deadlock' : undefined }
}

/** Among the ways of a step, the one that answers as it did. */
function takeLike(machine: Machine, task: number, step: TraceStep): TraceStep {
  const ways = machine.ways(task)
  const mark = machine.mark
  for (let way = 0; ; way++) {
    const taken = takeAndTell(machine, task, way, step.task)
    if (taken.result === step.result || way === ways - 1) return taken
    machine.undoTo(mark)
  }
}

function describe({ op, object, result }: TraceStep): string {
  return `${op} ${object}${result === '' ? '' : ` = ${result}`}`
}
