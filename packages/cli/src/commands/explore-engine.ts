/** Sampling of the whole engine: hardware, vfio-core and vfio-pci instead of the model that is explored. */
import {
  type AnyLockingStrategy,
  cpuClock,
  type LockSemantics,
  type StrategyVerdict,
} from '@vfiokit/explorer'
import type { EngineSample } from '@vfiokit/host'
import { ConfigError, type Scenario } from '@vfiokit/host/files'
import type { Terminal } from '../terminal.ts'
import type { ExploreFlags } from './explore.ts'
import type { Interrupt } from './interrupt.ts'
import { driven } from './progress-line.ts'

/** A verdict with the schedule that leads to what was found. */
export interface EngineVerdict extends StrategyVerdict {
  readonly schedule?: readonly string[]
}

const RUNS = 200
/** The engine has what the scenario says: only models can be had in other sizes, or written. */
const NOT_OF_ENGINES = [
  'devices',
  'faults',
  'resets',
  'promela',
  'dot',
  'preemptions',
  'fairness',
  'maxMemory',
] as const

/** @throws ConfigError for options that do not go with `--engine`. */
export function refuseForEngine(flags: ExploreFlags): void {
  const defect = (message: string) =>
    new ConfigError([{ severity: 'error', code: 'option', message, expected: '--mode sample --engine' }])
  if (flags.mode !== 'sample') throw defect('only samples are taken of the whole engine')
  const given = NOT_OF_ENGINES.find((name) => flags[name] !== undefined)
  if (given !== undefined) throw defect(`--${optionOf(given)} does not go with --engine`)
  if (!flags.reduce) throw defect('--no-reduce does not go with --engine')
}

/** As it is typed: `maxMemory` is `max-memory`. */
function optionOf(flag: string): string {
  return flag.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

/** Samples under each strategy in turn. */
export async function sampleEngines(
  strategies: readonly AnyLockingStrategy[],
  scenario: Scenario,
  flags: ExploreFlags,
  { interrupt, terminal }: { readonly interrupt: Interrupt; readonly terminal: Terminal },
): Promise<EngineVerdict[]> {
  const verdicts: EngineVerdict[] = []
  for (const strategy of strategies) {
    const cpu = cpuClock()
    const sampled = await sampleOne(strategy, scenario, flags, { interrupt, terminal })
    verdicts.push(verdictOf(strategy, sampled, { scenario, flags, cpuSeconds: cpu() }))
  }
  return verdicts
}

async function sampleOne(
  strategy: AnyLockingStrategy,
  scenario: Scenario,
  { runs = RUNS, seed, sampler, locks, maxCpu }: ExploreFlags,
  { interrupt, terminal }: { readonly interrupt: Interrupt; readonly terminal: Terminal },
): Promise<EngineSample> {
  const { sampleEngine } = await import('@vfiokit/host')
  const cpu = cpuClock()
  const shouldStop = () => interrupt.seen || (maxCpu !== undefined && cpu() > maxCpu)
  const fair = locks === undefined ? undefined : locks === 'fair'
  const sampling = sampleEngine(scenario, strategy, { runs, seed, sampler, fair, shouldStop })
  return driven(sampling, terminal, (done) => `${strategy.name}: ${done.runs} runs, ${done.steps} steps`)
}

function verdictOf(
  { name }: AnyLockingStrategy,
  { runs, steps, finding }: EngineSample,
  { scenario, flags, cpuSeconds }: { scenario: Scenario; flags: ExploreFlags; cpuSeconds: number },
): EngineVerdict {
  const { runs: wanted = RUNS, seed = 1, sampler = 'mixed' } = flags
  const stopped = runs < wanted && finding === undefined ? ', stopped' : ''
  const lockSemantics = semanticsOf(scenario, flags)
  const common = {
    strategy: name,
    mode: 'sample' as const,
    lockSemantics,
    bound: `${runs} runs of ${sampler} of the whole engine, seed ${seed}${stopped}`,
    reductions: [],
    states: 0,
    transitions: steps,
    cpuSeconds,
  }
  if (finding === undefined) return { verdict: stopped === '' ? 'ok' : 'unknown', ...common }
  const { verdict, property, message, schedule } = finding
  const counterexample = { lockSemantics, steps: finding.steps, blocked: [], isShortest: false }
  return { ...common, verdict, property, message, counterexample, schedule }
}

/** Without `--locks` as the scenario says; without that as Linux, which is how an engine runs. */
function semanticsOf({ document }: Scenario, { locks }: ExploreFlags): LockSemantics {
  const isFair = locks === undefined ? document.locks?.fair !== false : locks === 'fair'
  return isFair ? 'queue-fair' : 'any-free-moment'
}
