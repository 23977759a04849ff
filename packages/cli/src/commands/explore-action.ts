/** Explores a scenario under each strategy that was asked for, and prints what came of it. */
import {
  type AnyLockingStrategy,
  type ExploreOptions,
  type ExploreProgress,
  explore,
  type ModelSize,
  type ModelSpec,
  NO_REDUCTIONS,
  resizeModel,
  type StrategyVerdict,
} from '@vfiokit/explorer'
import { readScenarioFile, type Scenario } from '@vfiokit/host/files'
import { painter, type Terminal } from '../terminal.ts'
import type { ExploreFlags } from './explore.ts'
import { type EngineVerdict, refuseForEngine, sampleEngines } from './explore-engine.ts'
import { expectationsOf } from './explore-expect.ts'
import { keep, replayKept, writeModels } from './explore-files.ts'
import { type Parties, verdictsText } from './explore-report.ts'
import { watchInterrupt } from './interrupt.ts'
import { driven } from './progress-line.ts'
import { modelOf } from './scenario-model.ts'
import { strategiesOf } from './strategies-asked.ts'

const BYTES_PER_MEGABYTE = 2 ** 20

/** @returns 0 when every verdict is what the scenario expects, or every replay as it was kept; else 1 */
export async function exploreScenario(
  path: string,
  flags: ExploreFlags,
  terminal: Terminal,
): Promise<number> {
  const scenario = readScenarioFile(path)
  if (flags.engine === true) refuseForEngine(flags)
  // The engine can do more than a model: only who needs one is told what it cannot do.
  const specOf = (size: ModelSize) => resizeModel(modelOf(scenario), size)
  const strategies = await strategiesOf(scenario, flags)
  if (flags.promela !== undefined || flags.dot !== undefined)
    return writeModels(strategies, specOf(flags), flags)
  if (flags.replay !== undefined)
    return replayKept(flags.replay, { strategies, scenario, specOf, size: sizeOf(flags) }, terminal)
  const expected = expectationsOf(scenario, strategies)
  const verdicts = await verdictsOf({ strategies, scenario, specOf, flags, terminal })
  const results = verdicts.map((verdict) => ({ ...verdict, ...expected(verdict) }))
  if (flags.save !== undefined)
    keep(flags.save, { scenario: path, specOf, size: sizeOf(flags), strategies }, results)
  const text =
    flags.json === true
      ? JSON.stringify({ scenario: path, results }, undefined, 2)
      : verdictsText({ path, parties: partiesOf(scenario, specOf, flags), results }, painter(terminal))
  terminal.out.write(`${text}\n`)
  return results.every(({ verdict, expected = 'ok' }) => verdict === expected) ? 0 : 1
}

/** What was asked for of a size; a file of counterexamples keeps it. */
function sizeOf({ devices, faults, resets }: ExploreFlags): ModelSize {
  return { devices, faults, resets }
}

/** Devices and tasks, in the size that was looked at. */
function partiesOf(
  { document }: Scenario,
  specOf: (size: ModelSize) => ModelSpec,
  flags: ExploreFlags,
): Parties {
  if (flags.engine !== true) return specOf(flags)
  return { devices: Object.keys(document.devices), tasks: document.tasks }
}

interface Asked {
  readonly strategies: readonly AnyLockingStrategy[]
  readonly scenario: Scenario
  readonly specOf: (size: ModelSize) => ModelSpec
  readonly flags: ExploreFlags
  readonly terminal: Terminal
}

async function verdictsOf({
  strategies,
  scenario,
  specOf,
  flags,
  terminal,
}: Asked): Promise<EngineVerdict[]> {
  const interrupt = watchInterrupt()
  try {
    if (flags.engine === true)
      return await sampleEngines(strategies, scenario, flags, { interrupt, terminal })
    const spec = specOf(flags)
    const options = { ...optionsOf(scenario, flags), shouldStop: () => interrupt.seen }
    const results: StrategyVerdict[] = []
    for (const strategy of strategies)
      results.push(
        await driven(
          explore(strategy, spec, options),
          terminal,
          (progress) => `${strategy.name}: ${howFar(progress)}`,
        ),
      )
    return results
  } finally {
    interrupt.forget()
  }
}

function optionsOf({ document }: Scenario, flags: ExploreFlags): ExploreOptions {
  const locks = flags.locks ?? (document.locks?.fair === true ? 'fair' : 'free')
  const { mode, preemptions, runs, seed, sampler, fairness, maxCpu, maxMemory } = flags
  const given = {
    mode,
    preemptions,
    runs,
    seed,
    sampler,
    fairness,
    semantics: locks === 'fair' ? 'queue-fair' : 'any-free-moment',
    reductions: flags.reduce ? undefined : NO_REDUCTIONS,
    memoryMax: maxMemory === undefined ? undefined : maxMemory * BYTES_PER_MEGABYTE,
    cpuSecondsMax: maxCpu,
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function howFar({ states, runs, transitions }: ExploreProgress): string {
  return `${states === undefined ? `${runs} runs` : `${states} states`}, ${transitions} transitions`
}
