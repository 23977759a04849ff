/** Bypass: how often others are given a lock while one task waits for it. A measure, not a check. */
import type { Program } from '../program/program.ts'
import { cpuClock } from '../report/cpu-clock.ts'
import type { Verdict } from '../report/verdict.ts'
import { overtakings } from '../search/overtaking.ts'
import { StateGraph } from '../search/state-graph.ts'
import { type AllStatesOptions, allStates } from './all-states.ts'
import type { Progress } from './exhaustive.ts'

/** Measures every wait; the verdict, with `overtaken`, comes through the last `next()`. */
export function* bypass(program: Program, options: AllStatesOptions = {}): Generator<Progress, Verdict> {
  const cpu = cpuClock()
  const { search, stopped } = yield* allStates(program, options)
  const common = {
    mode: 'bypass' as const,
    lockSemantics: search.machine.semantics,
    reductions: [],
    states: search.store.count,
    transitions: search.transitions,
  }
  const scope = 'how many overtake only'
  if (stopped !== undefined)
    return { verdict: 'unknown', bound: `${scope}; ${stopped}`, ...common, cpuSeconds: cpu() }
  const overtaken = overtakings(new StateGraph(search))
  return { verdict: 'ok', bound: scope, ...common, overtaken, cpuSeconds: cpu() }
}
