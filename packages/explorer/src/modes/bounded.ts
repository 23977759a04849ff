/**
 * Bounded exploration: every schedule with at most so many preemptions, where a task that could go on
 * does not. Bugs that need few are found in states that are few, and the traces read well.
 */
import type { Check } from '../program/automaton.ts'
import type { Program } from '../program/program.ts'
import {
  blockedPlaces,
  type Counterexample,
  type TraceStep,
  takeAndTell,
  taskNames,
} from '../report/counterexample.ts'
import { cpuClock } from '../report/cpu-clock.ts'
import type { Verdict } from '../report/verdict.ts'
import { type LockSemantics, Machine } from '../search/machine.ts'
import { makePacking, type Packing } from '../search/packing.ts'
import { MemoryExhausted, StateStore } from '../search/state-store.ts'
import type { Progress } from './exhaustive.ts'

/** Options of a bounded exploration. */
export interface BoundedOptions {
  readonly semantics?: LockSemantics
  /** 2 by default. */
  readonly preemptions?: number
  readonly memoryMax?: number
  readonly shouldStop?: () => boolean
  readonly atRest?: (machine: Machine) => Check | undefined
}

const PREEMPTIONS = 2
const SLICE_STATES = 20_000
const MEMORY_MAX = 2 ** 31
/** The word behind a state: who took the last step, plus one, and the preemptions so far times this. */
const LAST_TASKS = 64

/** Explores slice by slice; the verdict comes through the last `next()`. */
export function* bounded(program: Program, options: BoundedOptions = {}): Generator<Progress, Verdict> {
  const cpu = cpuClock()
  const { semantics = 'any-free-moment', preemptions = PREEMPTIONS } = options
  const search = new BoundedSearch(new Machine(program, semantics), preemptions, options)
  let stopped: string | undefined
  while (!search.isDone && stopped === undefined) {
    try {
      search.run(SLICE_STATES)
    } catch (error) {
      if (!(error instanceof MemoryExhausted)) throw error
      stopped = error.message
    }
    const { expanded, transitions, store } = search
    yield { states: store.count, expanded, transitions, depth: 0 }
    if (options.shouldStop?.() === true) stopped ??= 'interrupted'
  }
  const bound = `at most ${preemptions} preemptions${stopped === undefined ? '' : `; ${stopped}`}`
  const common = {
    mode: 'bounded' as const,
    lockSemantics: semantics,
    bound,
    reductions: [],
    states: search.store.count,
    transitions: search.transitions,
  }
  if (search.found !== undefined) return { ...common, ...search.found, cpuSeconds: cpu() }
  return { verdict: stopped === undefined ? 'ok' : 'unknown', ...common, cpuSeconds: cpu() }
}

type Found = Pick<Verdict, 'verdict' | 'property' | 'message'> & { readonly counterexample: Counterexample }

class BoundedSearch {
  readonly packing: Packing
  readonly store: StateStore
  transitions = 0
  expanded = 0
  found: Found | undefined
  readonly #atRest: BoundedOptions['atRest']

  constructor(
    readonly machine: Machine,
    readonly preemptions: number,
    { memoryMax = MEMORY_MAX, atRest }: BoundedOptions,
  ) {
    this.packing = makePacking(machine, false)
    this.store = new StateStore(this.packing.words + 1, memoryMax)
    this.#atRest = atRest
    this.#keep(-1, 0)
  }

  get isDone(): boolean {
    return this.found !== undefined || this.expanded >= this.store.count
  }

  run(statesMax: number): void {
    for (let left = statesMax; left > 0 && !this.isDone; left--) this.#expand(this.expanded++)
  }

  #keep(parent: number, context: number): void {
    this.packing.pack(this.store.states, this.store.candidate)
    this.store.states[this.store.candidate + this.packing.words] = context
    this.store.add(parent)
  }

  #context(index: number): number {
    return this.store.states[index * this.store.words + this.packing.words]!
  }

  #expand(index: number): void {
    const { machine } = this
    this.packing.unpack(this.store.states, index * this.store.words)
    const context = this.#context(index)
    const last = (context % LAST_TASKS) - 1
    const used = Math.floor(context / LAST_TASKS)
    const couldGoOn = last >= 0 && machine.isEnabled(last)
    const mark = machine.mark
    let isStuck = true
    for (let task = 0; task < machine.taskCount && this.found === undefined; task++) {
      if (!machine.isEnabled(task)) continue
      isStuck = false
      const spent = used + Number(couldGoOn && task !== last)
      if (spent > this.preemptions) continue
      const ways = machine.ways(task)
      for (let way = 0; way < ways; way++) {
        machine.take(task, way)
        this.transitions++
        if (machine.violated !== undefined) return this.#violated(machine.violated, index, { task, way })
        this.#keep(index, spent * LAST_TASKS + task + 1)
        machine.undoTo(mark)
      }
    }
    if (isStuck) this.#atEnd(index)
  }

  #atEnd(index: number): void {
    const names = taskNames(this.machine.program)
    const blocked = blockedPlaces(this.machine, names)
    if (blocked.length > 0) {
      const message = blocked.map(({ task, waitsFor }) => `${task} waits for ${waitsFor}`).join(', ')
      this.found = {
        verdict: 'deadlock',
        property: 'deadlock',
        message,
        counterexample: { ...this.#trace(index), blocked },
      }
      return
    }
    const check = this.#atRest?.(this.machine)
    if (check !== undefined) this.#violated(check, index, undefined)
  }

  #violated({ property, message }: Check, index: number, last: Step | undefined): void {
    this.found = { verdict: 'violation', property, message, counterexample: this.#trace(index, last) }
  }

  /** Walks from the first state again; which way a step was taken shows in the state behind it. */
  #trace(index: number, last?: Step): Counterexample {
    const { machine, store } = this
    const names = taskNames(machine.program)
    const path: number[] = []
    for (let at = index; at > 0; at = store.parents[at]!) path.push(at)
    machine.reset()
    const steps: TraceStep[] = []
    for (const state of path.reverse()) steps.push(this.#stepTo(state, names))
    if (last !== undefined) steps.push(takeAndTell(machine, last.task, last.way, names[last.task]!))
    return { lockSemantics: machine.semantics, steps, blocked: [], isShortest: false }
  }

  #stepTo(state: number, names: readonly string[]): TraceStep {
    const { machine, packing, store } = this
    const task = (this.#context(state) % LAST_TASKS) - 1
    const words = new Int32Array(packing.words)
    for (let way = 0; ; way++) {
      const mark = machine.mark
      const step = takeAndTell(machine, task, way, names[task]!)
      packing.pack(words, 0)
      if (words.every((word, at) => word === store.states[state * store.words + at])) return step
      machine.undoTo(mark)
    }
  }
}

interface Step {
  readonly task: number
  readonly way: number
}
