/**
 * Sampling: many runs drawn by a seed. It finds bugs fast and proves nothing, so that its verdict always
 * says how much was looked at.
 *
 * A random walk picks any task that can go on. PCT gives tasks random priorities and lowers one of them
 * at a few random steps; it has a floor for rare bugs, while the walk was better on common ones. Mixed
 * takes turns.
 */
import { randomSchedule } from '@vfiokit/locking'
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

/** How runs are drawn. */
export type Sampler = 'walk' | 'pct' | 'mixed'

/** Options of sampling. */
export interface SampleOptions {
  readonly semantics?: LockSemantics
  readonly runs?: number
  readonly seed?: number
  readonly sampler?: Sampler
  /** A run that is longer is cut. */
  readonly stepsMax?: number
  readonly shouldStop?: () => boolean
  readonly atRest?: (machine: Machine) => Check | undefined
}

/** How far sampling has come. */
export interface SampleProgress {
  readonly runs: number
  readonly transitions: number
}

const RUNS = 100_000
const STEPS_MAX = 10_000
const SLICE_RUNS = 5000
/** Depth of the bugs that PCT has its floor for: one change of priority fewer. */
const PCT_DEPTH = 3

/** Samples slice by slice; the verdict comes through the last `next()`. */
export function* sample(program: Program, options: SampleOptions = {}): Generator<SampleProgress, Verdict> {
  const cpu = cpuClock()
  const { runs = RUNS, seed = 1, sampler = 'mixed', semantics = 'any-free-moment' } = options
  const player = new Player(new Machine(program, semantics), seed, options)
  let done = 0
  for (; done < runs; done++) {
    if (done % SLICE_RUNS === 0 && done > 0) {
      yield { runs: done, transitions: player.transitions }
      if (options.shouldStop?.() === true) break
    }
    player.play(sampler === 'mixed' ? done % 2 === 1 : sampler === 'pct')
    if (player.found !== undefined) break
  }
  const cut = player.cut > 0 ? `, ${player.cut} of them cut` : ''
  const common = {
    mode: 'sample' as const,
    lockSemantics: semantics,
    bound: `${Math.min(done + 1, runs)} runs of ${sampler}, seed ${seed}${cut}`,
    reductions: [],
    states: 0,
    transitions: player.transitions,
  }
  const { found } = player
  if (found === undefined) return { verdict: 'ok', ...common, cpuSeconds: cpu() }
  return { ...common, ...found, cpuSeconds: cpu() }
}

type Found = Pick<Verdict, 'verdict' | 'property' | 'message'> & { readonly counterexample: Counterexample }

class Player {
  transitions = 0
  /** Runs that were cut. */
  cut = 0
  found: Found | undefined
  readonly #draw: (count: number) => number
  readonly #stepsMax: number
  readonly #atRest: SampleOptions['atRest']
  readonly #priorities: Int32Array
  readonly #ready: Int32Array
  /** Pairs of task and way, of the run that is played. */
  readonly #schedule: Int32Array
  #length = 0
  #longest = 64

  constructor(
    readonly machine: Machine,
    seed: number,
    { stepsMax = STEPS_MAX, atRest }: SampleOptions,
  ) {
    this.#draw = randomSchedule(seed)
    this.#stepsMax = stepsMax
    this.#atRest = atRest
    this.#priorities = new Int32Array(machine.taskCount)
    this.#ready = new Int32Array(machine.taskCount)
    this.#schedule = new Int32Array(2 * stepsMax)
  }

  /** Plays one run from the first state. */
  play(byPriority: boolean): void {
    const { machine } = this
    machine.reset()
    const changes = byPriority ? this.#shuffle() : []
    for (this.#length = 0; this.#length < this.#stepsMax; this.#length++) {
      const ready = this.#readyTasks()
      if (ready === 0) return this.#ended()
      const task = byPriority ? this.#highest(ready, changes) : this.#ready[this.#draw(ready)]!
      const ways = machine.ways(task)
      const way = ways === 1 ? 0 : this.#draw(ways)
      this.#schedule[2 * this.#length] = task
      this.#schedule[2 * this.#length + 1] = way
      machine.take(task, way)
      machine.forget()
      this.transitions++
      if (machine.violated !== undefined) {
        const { property, message } = machine.violated
        this.#length++
        this.found = { verdict: 'violation', property, message, counterexample: this.#trace() }
        return
      }
    }
    this.cut++
  }

  #readyTasks(): number {
    let ready = 0
    for (let task = 0; task < this.machine.taskCount; task++)
      if (this.machine.isEnabled(task)) this.#ready[ready++] = task
    return ready
  }

  #ended(): void {
    const { machine } = this
    this.#longest = Math.max(this.#longest, this.#length)
    const names = taskNames(machine.program)
    const blocked = blockedPlaces(machine, names)
    if (blocked.length > 0) {
      const message = blocked.map(({ task, waitsFor }) => `${task} waits for ${waitsFor}`).join(', ')
      this.found = { verdict: 'deadlock', property: 'deadlock', message, counterexample: this.#trace() }
      return
    }
    const check = this.#atRest?.(machine)
    if (check === undefined) return
    const { property, message } = check
    this.found = { verdict: 'violation', property, message, counterexample: this.#trace() }
  }

  /** Gives every task a priority, and says at which steps one is lowered. */
  #shuffle(): number[] {
    const priorities = this.#priorities
    for (let task = 0; task < priorities.length; task++) {
      const other = this.#draw(task + 1)
      priorities[task] = priorities[other]!
      priorities[other] = task + PCT_DEPTH
    }
    return Array.from({ length: PCT_DEPTH - 1 }, () => this.#draw(this.#longest))
  }

  #highest(ready: number, changes: readonly number[]): number {
    let task = this.#best(ready)
    const change = changes.indexOf(this.#length)
    if (change < 0) return task
    this.#priorities[task] = change
    task = this.#best(ready)
    return task
  }

  #best(ready: number): number {
    let best = this.#ready[0]!
    for (let at = 1; at < ready; at++) {
      const task = this.#ready[at]!
      if (this.#priorities[task]! > this.#priorities[best]!) best = task
    }
    return best
  }

  /** Plays the run once more, this time with everything written down. */
  #trace(): Counterexample {
    const { machine } = this
    const names = taskNames(machine.program)
    const steps: TraceStep[] = []
    machine.reset()
    for (let at = 0; at < this.#length; at++) {
      const task = this.#schedule[2 * at]!
      steps.push(takeAndTell(machine, task, this.#schedule[2 * at + 1]!, names[task]!))
    }
    const hasEnded = this.#readyTasks() === 0
    const blocked = hasEnded ? blockedPlaces(machine, names) : []
    return { lockSemantics: machine.semantics, steps, blocked, isShortest: false }
  }
}
