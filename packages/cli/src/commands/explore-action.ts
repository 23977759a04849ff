/** Explores a scenario under each strategy that was asked for, and prints what came of it. */
import {
  type AnyLockingStrategy,
  type ExploreOptions,
  type ExploreProgress,
  explore,
  type ModelSpec,
  NO_REDUCTIONS,
  resizeModel,
  type StrategyVerdict,
} from '@vfiokit/explorer'
import { readScenarioFile, type Scenario } from '@vfiokit/host/files'
import { painter, type Terminal } from '../terminal.ts'
import type { ExploreFlags } from './explore.ts'
import { expectationsOf } from './explore-expect.ts'
import { keep, replayKept, writeModels } from './explore-files.ts'
import { verdictsText } from './explore-report.ts'
import { watchInterrupt } from './interrupt.ts'
import { modelOf } from './scenario-model.ts'
import { strategiesOf } from './strategies-asked.ts'

const BYTES_PER_MEGABYTE = 2 ** 20
/** Progress is shown that often, on a terminal. */
const SHOWN_EVERY_MS = 200

/** @returns 0 when every verdict is what the scenario expects, or every replay as it was kept; else 1 */
export async function exploreScenario(
  path: string,
  flags: ExploreFlags,
  terminal: Terminal,
): Promise<number> {
  const scenario = readScenarioFile(path)
  const spec = resizeModel(modelOf(scenario), flags)
  const strategies = await strategiesOf(scenario, flags)
  if (flags.promela !== undefined || flags.dot !== undefined) return writeModels(strategies, spec, flags)
  if (flags.replay !== undefined) return replayKept(flags.replay, strategies, spec, terminal)
  const expected = expectationsOf(scenario, strategies)
  const verdicts = await exploreAll(strategies, spec, optionsOf(scenario, flags), terminal)
  const results = verdicts.map((verdict) => ({ ...verdict, ...expected(verdict) }))
  if (flags.save !== undefined) keep(flags.save, { scenario: path, spec, strategies }, results)
  const text =
    flags.json === true
      ? JSON.stringify({ scenario: path, results }, undefined, 2)
      : verdictsText({ path, spec, results }, painter(terminal))
  terminal.out.write(`${text}\n`)
  return results.every(({ verdict, expected = 'ok' }) => verdict === expected) ? 0 : 1
}

async function exploreAll(
  strategies: readonly AnyLockingStrategy[],
  spec: ModelSpec,
  options: ExploreOptions,
  terminal: Terminal,
): Promise<StrategyVerdict[]> {
  const interrupt = watchInterrupt()
  const results: StrategyVerdict[] = []
  try {
    for (const strategy of strategies) {
      const run = explore(strategy, spec, { ...options, shouldStop: () => interrupt.seen })
      results.push(await drive(run, strategy, terminal))
    }
  } finally {
    interrupt.forget()
  }
  return results
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

/** Between slices the event loop gets its turn, or an interrupt would never be seen. */
async function drive(
  run: Generator<ExploreProgress, StrategyVerdict>,
  { name }: AnyLockingStrategy,
  { err }: Terminal,
): Promise<StrategyVerdict> {
  let shown = 0
  for (;;) {
    const next = run.next()
    if (next.done) {
      if (shown > 0) err.write('\r\u001b[K')
      return next.value
    }
    await new Promise((resume) => setImmediate(resume))
    if (err.isTTY !== true || Date.now() - shown < SHOWN_EVERY_MS) continue
    shown = Date.now()
    const { states, runs, transitions } = next.value
    const looked = states === undefined ? `${runs} runs` : `${states} states`
    err.write(`\r${name}: ${looked}, ${transitions} transitions\u001b[K`)
  }
}
