/**
 * I5 at rest: when all tasks have ended, a mapping that may be touched can be touched, and one that may
 * not cannot.
 */
import type { Check } from '../program/automaton.ts'
import { always } from '../program/automaton.ts'
import type { Program } from '../program/program.ts'
import { Machine } from '../search/machine.ts'
import { KIND } from '../search/node-tables.ts'
import { found } from './lookup.ts'
import { askedIn, type Model } from './model.ts'

/** A touch that takes more steps than that will not end. */
const STEPS_MAX = 1000

/** Asks I5 of every mapping of a model, of a machine at rest. Nothing while a task has not ended. */
export function restCheck(model: Model, program: Program): (machine: Machine) => Check | undefined {
  if (!askedIn(model.spec)('I5')) return () => undefined
  const probes = [...model.mappings.values()].map((mapping, at) => {
    const alone: Program = { ...program, tasks: [program.probes[at]!], probes: [] }
    return { mapping, machine: new Machine(alone, 'any-free-moment') }
  })
  const { variables } = program.symbols
  return (ended) => {
    for (let task = 0; task < ended.taskCount; task++) if (!ended.hasEnded(task)) return undefined
    for (const [at, { show }] of variables.entries()) show(ended.state[ended.variables + at]!)
    for (const { mapping, machine } of probes) {
      if (!mapping.isLinked) continue
      const { cells } = found(model.devices, mapping.device.id, 'device')
      const expected = !mapping.followsMemory || cells.accessible.peek()
      machine.reset()
      for (const at of variables.keys())
        machine.state[machine.variables + at] = ended.state[ended.variables + at]!
      const touched = touchAlone(machine)
      if (touched === expected) continue
      const message = `${mapping.id} ${expected ? 'cannot' : 'can'} be touched when all tasks have ended`
      return { property: 'I5', message, table: always(1), anyOf: [] }
    }
    return undefined
  }
}

/** @returns whether the access got through; false also for one that never ends. */
function touchAlone(machine: Machine): boolean {
  let touched = false
  for (let step = 0; step < STEPS_MAX && machine.isEnabled(0); step++) {
    const isAccess = machine.tables.nodes[machine.state[0]!]!.op === 'access'
    const result = machine.take(0, 0)
    if (isAccess && result === 1) touched = true
  }
  return machine.tables.kind[machine.state[0]!] === KIND.END && touched
}
