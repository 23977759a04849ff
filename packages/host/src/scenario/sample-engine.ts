/**
 * Samples the whole engine: hardware, vfio-core, vfio-pci and plugins under many seeded schedules, with
 * the invariants asked after every step. It finds bugs and proves nothing.
 */
import {
  type AnyLockingStrategy,
  type Op,
  pctSchedule,
  randomSchedule,
  type Schedule,
  type StepEvent,
} from '@vfiokit/locking'
import { createHost } from '../create-host.ts'
import type { Host } from '../host.ts'
import { type RunOptions, runOn } from './run-scenario.ts'
import type { Scenario } from './scenario-file.ts'
import { firstViolation, type ScenarioResult } from './scenario-result.ts'
import { shortened, type TaskSequence } from './shortened.ts'

/** How schedules are drawn: any task that can go on, by priorities that change, or both in turn. */
export type EngineSampler = 'walk' | 'pct' | 'mixed'

/** Options of sampling. */
export interface EngineSampleOptions {
  /** 200 by default. */
  readonly runs?: number | undefined
  /** Of the first run; each run has the next one. 1 by default. */
  readonly seed?: number | undefined
  /** `mixed` by default. */
  readonly sampler?: EngineSampler | undefined
  /** Locks as in Linux, in the order of coming; the scenario's `locks` by default. */
  readonly fair?: boolean | undefined
  /** Asked between runs. */
  readonly shouldStop?: (() => boolean) | undefined
}

/** One step of a run. */
export interface EngineStep {
  readonly task: string
  /** Kind of the op: `acquire`, `zap`, ... */
  readonly op: string
  readonly object: string
  /** What it answered; `waits` for an acquire that has to, `granted` when it is held. */
  readonly result: string
}

/** What a run came to that must not be. */
export interface EngineFinding {
  readonly verdict: 'violation' | 'deadlock'
  /** I1-I8, `deadlock`, or `throws` for a task that ended with what is no answer of the ABI. */
  readonly property: string
  readonly message: string
  /** Of the run that found it, before it was shortened. */
  readonly seed: number
  /** Whose turn it was, step by step, up to what was found: {@link replayEngine} takes it again. */
  readonly schedule: readonly string[]
  readonly steps: readonly EngineStep[]
}

/** What sampling came to. */
export interface EngineSample {
  readonly runs: number
  /** Steps of all runs together. */
  readonly steps: number
  readonly finding: EngineFinding | undefined
}

const RUNS = 200
/** Steps that a run has, before one was seen. */
const LENGTH = 100

/**
 * Samples run by run, under one strategy; what it came to is the last `next()`.
 *
 * @throws ConfigError for what cannot be had on the scenario's host.
 */
export async function* sampleEngine(
  scenario: Scenario,
  strategy: AnyLockingStrategy,
  options: EngineSampleOptions = {},
): AsyncGenerator<Pick<EngineSample, 'runs' | 'steps'>, EngineSample> {
  const { runs = RUNS, seed = 1, sampler = 'mixed', shouldStop } = options
  const engine = await Engine.of(scenario, strategy, options.fair)
  let steps = 0
  let longest = LENGTH
  for (let done = 0; done < runs; done++) {
    if (done > 0) yield { runs: done, steps }
    if (shouldStop?.() === true) return { runs: done, steps, finding: undefined }
    const own = (seed + done) % 2 ** 32
    const byPriority = sampler === 'mixed' ? done % 2 === 1 : sampler === 'pct'
    const run = await engine.run(byPriority ? pctSchedule(own, { length: longest }) : randomSchedule(own))
    steps += run.schedule.length
    longest = Math.max(longest, run.schedule.length)
    const { found } = run
    if (found === undefined) continue
    const finding = { ...found, seed: own, ...(await engine.explain(run.schedule, found)) }
    return { runs: done + 1, steps, finding }
  }
  return { runs, steps, finding: undefined }
}

/**
 * Takes the schedule of a finding again.
 *
 * @returns what it comes to now; `undefined` when nothing is wrong any more.
 */
export async function replayEngine(
  scenario: Scenario,
  strategy: AnyLockingStrategy,
  schedule: readonly string[],
  fair?: boolean,
): Promise<{ readonly property: string; readonly message: string } | undefined> {
  const { found } = await (await Engine.of(scenario, strategy, fair)).follow(schedule)
  return found
}

type Found = Pick<EngineFinding, 'verdict' | 'property' | 'message'>

interface Run {
  readonly found: Found | undefined
  /** Up to what was found, else to the end. */
  readonly schedule: TaskSequence
  /** Whether somebody whose turn it was could not go on. */
  readonly isOff: boolean
}

/** Machines of one scenario under one strategy, a new one for each run. */
class Engine {
  private constructor(
    readonly scenario: Scenario,
    readonly strategy: AnyLockingStrategy,
    readonly fair: boolean | undefined,
    readonly first: Host,
  ) {}

  static async of(scenario: Scenario, strategy: AnyLockingStrategy, fair?: boolean): Promise<Engine> {
    return new Engine(scenario, strategy, fair, await createHost(scenario.host))
  }

  async run(schedule: Schedule, options: RunOptions = {}): Promise<Run> {
    const taken: string[] = []
    const noted: Schedule = (count, runnable) => {
      const picked = schedule(count, runnable)
      taken.push(runnable[picked]!.name)
      return picked
    }
    const { document, complain } = this.scenario
    const result = runOn(await this.#host(), document, { ...options, schedule: noted }, complain)
    const found = judged(result)
    return { found, schedule: taken.slice(0, found?.step), isOff: false }
  }

  /** Takes a schedule again; behind its end, and where it does not fit, whoever had the last turn goes on. */
  async follow(schedule: TaskSequence, options: RunOptions = {}): Promise<Run> {
    let step = 0
    let isOff = false
    let last = ''
    const run = await this.run((_count, runnable) => {
      const wanted = schedule[step++] ?? last
      const at = runnable.findIndex(({ name }) => name === wanted)
      if (at < 0 && step <= schedule.length) isOff = true
      last = runnable[Math.max(at, 0)]!.name
      return Math.max(at, 0)
    }, options)
    return { ...run, isOff }
  }

  /** The shortest schedule that was found to come to the same, and its steps. */
  async explain(schedule: TaskSequence, found: Found): Promise<Pick<EngineFinding, 'schedule' | 'steps'>> {
    const shortest = await shortened(schedule, async (candidate) => {
      const run = await this.follow(candidate)
      return run.isOff || run.found?.property !== found.property ? undefined : run.schedule
    })
    const steps: EngineStep[] = []
    const { schedule: taken } = await this.follow(shortest, {
      watch: (event) => {
        if (event.step <= shortest.length && event.step > 0) steps.push(stepOf(event))
      },
    })
    return { schedule: taken, steps }
  }

  #host(): Promise<Host> {
    const { scenario, strategy, first } = this
    const fairLocks = this.fair ?? scenario.document.locks?.fair
    const { topology, plugins } = first
    return createHost({ ...scenario.host, fairLocks, topology, plugins, strategy })
  }
}

/** With the step at which it was found; absent for what shows at the end only. */
function judged(result: ScenarioResult): (Found & { readonly step: number | undefined }) | undefined {
  const broken = firstViolation(result)
  if (broken !== undefined) {
    const { id: property, message, task, step } = broken
    return { verdict: 'violation', property, message: `${task}: ${message}`, step }
  }
  if (result.blocked.length > 0) {
    const message = result.blocked.join('; ')
    return { verdict: 'deadlock', property: 'deadlock', message, step: undefined }
  }
  const [failure] = result.failures
  return failure === undefined
    ? undefined
    : { verdict: 'violation', property: 'throws', message: failure, step: undefined }
}

const WORDS: Readonly<Partial<Record<StepEvent['outcome'], string>>> = {
  waiting: 'waits',
  granted: 'granted',
}

function stepOf({ task, op, outcome, result }: StepEvent): EngineStep {
  const { kind, object }: Op<unknown> = op
  return { task, op: kind, object, result: WORDS[outcome] ?? resultText(result) }
}

/** Data is not shown: what an op says is whether, and which. */
function resultText(result: unknown): string {
  if (result instanceof Error) return String(result)
  const { id } = Object(result) as { id?: unknown }
  if (typeof id === 'string') return id
  return typeof result === 'object' || result === undefined ? '' : String(result)
}
