/**
 * Liveness: can tasks go round for ever and get nothing done, although the scheduler is fair?
 *
 * livelock    a cycle in which nobody says `progress()`
 * starvation  a cycle in which one task, that has not ended, never does
 *
 * A cycle counts if it is fair. Weak fairness: a task that could take a step in every state of it takes
 * one. Strong fairness: a task that could in some state takes one. Both are asked of the graph of all
 * states: reductions and fairness do not go together.
 */
import type { Program } from '../program/program.ts'
import type { Counterexample } from '../report/counterexample.ts'
import { cpuClock } from '../report/cpu-clock.ts'
import type { Verdict } from '../report/verdict.ts'
import { cyclicComponents } from '../search/components.ts'
import { lassoOf } from '../search/lasso.ts'
import type { Machine } from '../search/machine.ts'
import { StateGraph } from '../search/state-graph.ts'
import { type AllStatesOptions, allStates } from './all-states.ts'
import type { Progress } from './exhaustive.ts'

/** Which schedules are thought possible. */
export type Fairness = 'weak' | 'strong'

/** Options of a liveness check. */
export interface LivenessOptions extends AllStatesOptions {
  /** `strong` by default. */
  readonly fairness?: Fairness
}

/** Looks for fair cycles; the verdict comes through the last `next()`. */
export function* liveness(program: Program, options: LivenessOptions = {}): Generator<Progress, Verdict> {
  const cpu = cpuClock()
  const { fairness = 'strong' } = options
  const { search, stopped } = yield* allStates(program, options)
  const common = {
    mode: 'liveness' as const,
    lockSemantics: search.machine.semantics,
    reductions: [],
    states: search.store.count,
    transitions: search.transitions,
  }
  const scope = `${fairness} fairness; livelock and starvation only`
  if (stopped !== undefined)
    return { verdict: 'unknown', bound: `${scope}; ${stopped}`, ...common, cpuSeconds: cpu() }
  const cycle = new FairCycles(new StateGraph(search), fairness).find()
  const found = cycle === undefined ? { verdict: 'ok' as const } : { verdict: 'livelock' as const, ...cycle }
  return { ...common, ...found, bound: scope, cpuSeconds: cpu() }
}

interface Cycle {
  readonly property: 'livelock' | 'starvation'
  readonly message: string
  readonly counterexample: Counterexample
}

class FairCycles {
  readonly #machine: Machine
  /** Tasks that can take a step in each state, as bits. */
  readonly #enabled: Int32Array

  constructor(
    readonly graph: StateGraph,
    readonly fairness: Fairness,
  ) {
    this.#machine = graph.search.machine
    const { firstEdge, task } = graph
    this.#enabled = new Int32Array(firstEdge.length - 1)
    for (let state = 0; state < this.#enabled.length; state++)
      for (let edge = firstEdge[state]!; edge < firstEdge[state + 1]!; edge++)
        this.#enabled[state]! |= 1 << task[edge]!
  }

  find(): Cycle | undefined {
    const { progress, task } = this.graph
    const livelock = this.#fairAmong((edge) => progress[edge] === 0)
    if (livelock !== undefined) return this.#cycle('livelock', 'nobody gets anything done', livelock)
    for (let starved = 0; starved < this.#machine.taskCount; starved++) {
      const keeps = (edge: number) => progress[edge] === 0 || task[edge] !== starved
      const found = this.#fairAmong(keeps, starved)
      const { name } = this.#machine.program.tasks[starved]!
      if (found !== undefined) return this.#cycle('starvation', `${name} never gets anything done`, found)
    }
    return undefined
  }

  /** A fair component of the graph with some edges only, in which that task has not ended. */
  #fairAmong(keeps: (edge: number) => boolean, starved?: number): Component | undefined {
    const all = Array.from({ length: this.#enabled.length }, (_, state) => state)
    const pending = this.#components(all, keeps)
    for (let states = pending.pop(); states !== undefined; states = pending.pop()) {
      const component = { states: new Set(states), keeps }
      const { stepping, ever, always } = this.#tasksOf(component)
      if (starved !== undefined && this.#hasEnded(states[0]!, starved)) continue
      if (this.fairness === 'weak') {
        if ((always & ~stepping) === 0) return component
        continue
      }
      const ignored = ever & ~stepping
      if (ignored === 0) return component
      // Only cycles that stay where the ignored tasks can do nothing may be fair.
      const rest = states.filter((state) => (this.#enabled[state]! & ignored) === 0)
      pending.push(...this.#components(rest, keeps))
    }
    return undefined
  }

  #components(states: readonly number[], keeps: (edge: number) => boolean): number[][] {
    const members = new Uint8Array(this.#enabled.length)
    for (const state of states) members[state] = 1
    return cyclicComponents(this.graph, { states, has: (state) => members[state] === 1, keeps })
  }

  #tasksOf({ states, keeps }: Component): { stepping: number; ever: number; always: number } {
    const { firstEdge, to, task } = this.graph
    let stepping = 0
    let ever = 0
    let always = -1
    for (const state of states) {
      ever |= this.#enabled[state]!
      always &= this.#enabled[state]!
      for (let edge = firstEdge[state]!; edge < firstEdge[state + 1]!; edge++)
        if (keeps(edge) && states.has(to[edge]!)) stepping |= 1 << task[edge]!
    }
    return { stepping, ever, always }
  }

  #hasEnded(state: number, task: number): boolean {
    const { packing, store } = this.graph.search
    packing.unpack(store.states, state * packing.words)
    return this.#machine.hasEnded(task)
  }

  #cycle(property: Cycle['property'], message: string, component: Component): Cycle {
    return { property, message, counterexample: lassoOf(this.graph, component) }
  }
}

interface Component {
  readonly states: ReadonlySet<number>
  readonly keeps: (edge: number) => boolean
}
