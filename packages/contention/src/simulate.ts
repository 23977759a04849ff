/** One strategy under one workload, from the machine to the figures. */
import type { AnyLockingStrategy } from '@vfiokit/locking'
import { Client, type ClientPlace } from './clients/client.ts'
import { closedLoop } from './clients/closed-loop.ts'
import { type Costs, costsWith } from './costs.ts'
import { Machine, type MachineSize } from './machine/machine.ts'
import { type ContentionResult, type ContentionVerdict, resultOf } from './measure/result.ts'
import { Tally } from './measure/tally.ts'
import { type Ending, Simulation } from './time/simulation.ts'
import { DEFAULT_RATES, type Rates, rateOf, type Workload } from './workload.ts'

/** Options of {@link simulate}. */
export interface ContentionOptions extends Partial<MachineSize> {
  readonly rates?: Partial<Rates>
  readonly costs?: Costs
  /** Equal seeds give equal results; an integer from 0 to 4294967295, 1 by default. */
  readonly seed?: number
  /** Simulated time, 5 s by default. */
  readonly durationNs?: number
  /** A run stops as a livelock after so many steps in which no operation ended, or no time passed. */
  readonly stallSteps?: number
  /** Asked now and then; true ends the run with what is known. */
  readonly shouldStop?: () => boolean
}

/** How far a run is. */
export interface ContentionProgress {
  readonly simulatedNs: number
  readonly steps: number
}

const STALL_STEPS = 1_000_000
const DURATION_NS = 5e9
/** Sizes that are not given. */
export const DEFAULT_SIZE: MachineSize = { copies: 1, pages: 64 }
/** Seeds of clients lie so far apart: 2^32 divided by the golden ratio. */
const SEED_STRIDE = 0x9e37_79b1

/**
 * Runs a workload under a strategy in simulated time, slice by slice.
 *
 * Each client pauses for an exponential time, does its steps, and begins again; what a round takes away
 * (memory, power, an open, a mapping) it gives back at its end. The strategy is the code
 * that the engine runs; locks are queue-fair. Nothing but the seed is drawn from.
 *
 * @throws RangeError for a workload that names what it does not have, a size or duration that is none, or
 *   a seed out of range.
 */
export function* simulate(
  strategy: AnyLockingStrategy,
  workload: Workload,
  options: ContentionOptions = {},
): Generator<ContentionProgress, ContentionResult> {
  const { durationNs = DURATION_NS, stallSteps = STALL_STEPS, costs = costsWith() } = options
  if (!(durationNs > 0 && durationNs <= Number.MAX_SAFE_INTEGER))
    throw new RangeError(`a duration of ${durationNs} ns is none`)
  const { copies = DEFAULT_SIZE.copies, pages = DEFAULT_SIZE.pages } = options
  const machine = new Machine(strategy, workload, { copies, pages })
  const tally = new Tally()
  const simulation = new Simulation({ costs, ledger: machine.ledger, endNs: durationNs, stallSteps })
  spawnClients(workload, options, { machine, tally, costs, now: () => simulation.now }, simulation)
  const run = simulation.run()
  const finish = (verdict: ContentionVerdict, message?: string) => {
    const simulatedNs = Math.min(simulation.now, durationNs)
    return resultOf({ tally, machine, verdict, message, simulatedNs, steps: simulation.steps })
  }
  for (;;) {
    const next = run.next()
    if (next.done === true) return finish(...judged(next.value, machine))
    if (options.shouldStop?.() === true) return finish('interrupted', 'stopped before the end')
    yield { simulatedNs: simulation.now, steps: simulation.steps }
  }
}

/** Runs a workload under a strategy to its end. See {@link simulate}. */
export function simulateNow(
  strategy: AnyLockingStrategy,
  workload: Workload,
  options: ContentionOptions = {},
): ContentionResult {
  const run = simulate(strategy, workload, options)
  for (;;) {
    const next = run.next()
    if (next.done === true) return next.value
  }
}

function spawnClients(
  workload: Workload,
  { rates, seed = 1 }: ContentionOptions,
  place: ClientPlace,
  simulation: Simulation,
): void {
  let clientSeed = seed
  for (const shape of workload.tasks) {
    const { name, count = 1 } = shape
    const steps = closedLoop(shape.steps, workload)
    const rate = rateOf(shape, { ...DEFAULT_RATES, ...rates })
    for (let at = 1; at <= count; at++) {
      const client = new Client(place, { steps, rate, seed: clientSeed })
      simulation.spawn(count === 1 ? name : `${name}.${at}`, client.script())
      clientSeed = (clientSeed + SEED_STRIDE) >>> 0
    }
  }
}

function judged(ending: Ending, { registry }: Machine): [ContentionVerdict, string?] {
  if (ending.verdict !== 'finished') return [ending.verdict, ending.message]
  const held = registry.busy().map(({ name }) => name)
  return held.length === 0 ? ['ok'] : ['failed', `at the end ${held.join(', ')} are still held`]
}
