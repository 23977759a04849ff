/**
 * From a finding back to the steps that lead there.
 *
 * Stored states have their tasks sorted, so that a place in a state is not always the same task. The
 * path is walked again from its first state, and who stands at which place is followed on the way.
 */
import {
  blockedPlaces,
  type Counterexample,
  type TraceStep,
  takeAndTell,
  taskNames,
} from '../report/counterexample.ts'
import type { Machine } from './machine.ts'
import { interchangeable } from './packing.ts'
import type { Finding, StateSearch } from './state-search.ts'

/** The steps to a finding of a search. */
export function traceOf(search: StateSearch, finding: Finding): Counterexample {
  const walk = new Walk(search)
  for (const [parent, child] of pathTo(search, finding.state)) walk.goOn(parent, child)
  walk.finish(finding)
  const blocked = finding.kind === 'deadlock' ? blockedPlaces(search.machine, walk.names) : []
  const { persistentSets, chains } = search.reductions
  const lockSemantics = search.machine.semantics
  return { lockSemantics, steps: walk.steps, blocked, isShortest: !persistentSets && !chains }
}

/** Pairs of stored states, from the first to that one. */
function pathTo({ store }: StateSearch, state: number): [number, number][] {
  const path: [number, number][] = []
  for (let at = state; store.parents[at]! >= 0; at = store.parents[at]!) path.push([store.parents[at]!, at])
  return path.reverse()
}

class Walk {
  readonly steps: TraceStep[] = []
  /** What the task at each place is called. */
  names: string[]
  readonly #machine: Machine
  readonly #candidate: Int32Array

  constructor(readonly search: StateSearch) {
    this.#machine = search.machine
    this.names = taskNames(search.machine.program)
    this.#candidate = new Int32Array(search.packing.words)
  }

  /** Finds the steps from a stored state to one that was found from it. */
  goOn(parent: number, child: number): void {
    for (let task = 0; task < this.#machine.taskCount; task++) {
      this.#load(parent)
      if (!this.#machine.isEnabled(task)) continue
      const ways = this.#machine.ways(task)
      for (let way = 0; way < ways; way++) {
        this.#load(parent)
        const steps = this.#take(task, way)
        if (!this.#isState(child)) continue
        this.steps.push(...steps)
        this.#sortNames()
        return
      }
    }
    throw new Error(`no step leads from state ${parent} to state ${child}`)
  }

  /** Takes the last steps, up to what was found. */
  finish({ state, task, way }: Finding): void {
    this.#load(state)
    if (task >= 0) this.steps.push(...this.#take(task, way))
  }

  #load(state: number): void {
    const { packing, store } = this.search
    packing.unpack(store.states, state * packing.words)
  }

  /** A step and the chain behind it, until something is violated. */
  #take(first: number, way: number): TraceStep[] {
    const steps = [takeAndTell(this.#machine, first, way, this.names[first]!)]
    if (!this.search.reductions.chains) return steps
    for (let task = first; this.#machine.violated === undefined; ) {
      task = this.search.chained(steps.length - 1, task)
      if (task < 0) break
      steps.push(takeAndTell(this.#machine, task, 0, this.names[task]!))
    }
    return steps
  }

  #isState(state: number): boolean {
    const { packing, store } = this.search
    packing.pack(this.#candidate, 0)
    return this.#candidate.every((word, at) => word === store.states[state * packing.words + at])
  }

  /** Names follow their tasks when the state is sorted. */
  #sortNames(): void {
    if (!this.search.reductions.symmetry) return
    const { state, fair, ranks } = this.#machine
    for (const { from, to } of interchangeable(this.#machine)) {
      const slots = Array.from({ length: to - from }, (_, at) => from + at)
      const rank = (slot: number) => (fair ? state[ranks + slot]! : 0)
      slots.sort((a, b) => state[a]! - state[b]! || rank(a) - rank(b))
      const sorted = slots.map((slot) => this.names[slot]!)
      this.names.splice(from, to - from, ...sorted)
    }
  }
}
