/** Simulates a scenario under each strategy and at each size, and prints and writes what came of it. */
import { writeFileSync } from 'node:fs'
import {
  COSTS,
  type ContentionOptions,
  type ContentionSize,
  type CostName,
  type Costs,
  costsWith,
  csvOf,
  DEFAULT_RATES,
  DEFAULT_SIZE,
  isCostName,
  type Measurement,
  plotOf,
  simulate,
  type Workload,
} from '@vfiokit/contention'
import { type AnyLockingStrategy, type ModelSpec, resizeModel } from '@vfiokit/explorer'
import { ConfigError, readScenarioFile } from '@vfiokit/host/files'
import { painter, type Terminal } from '../terminal.ts'
import type { ContentionFlags } from './contention.ts'
import { contentionText } from './contention-report.ts'
import { watchInterrupt } from './interrupt.ts'
import { driven } from './progress-line.ts'
import { modelOf } from './scenario-model.ts'
import { strategiesOf } from './strategies-asked.ts'

const NS_PER_SECOND = 1e9
/** Simulated seconds, unless `--duration` says otherwise. */
const DURATION_S = 5
/** What is the same in all runs of one comparison. */
export interface ContentionSetting {
  readonly scenario: string
  readonly seed: number
  readonly durationNs: number
  readonly pages: number
  /** Rounds per second; that of touches is in each result. */
  readonly toggleRate: number
  readonly resetRate: number
  readonly costs: Costs
}

/** @returns 0 when every run came to its end, else 1: a deadlock, a livelock, a failure or an interrupt. */
export async function compareContention(
  path: string,
  flags: ContentionFlags,
  terminal: Terminal,
): Promise<number> {
  const costs = costsOf(flags.cost ?? [])
  const scenario = readScenarioFile(path)
  const spec = modelOf(scenario)
  const strategies = await strategiesOf(scenario, flags)
  const setting: ContentionSetting = {
    scenario: path,
    seed: flags.seed ?? scenario.document.seed ?? 1,
    durationNs: (flags.duration ?? DURATION_S) * NS_PER_SECOND,
    pages: flags.pages ?? DEFAULT_SIZE.pages,
    toggleRate: flags.toggleRate ?? DEFAULT_RATES.toggle,
    resetRate: flags.resetRate ?? DEFAULT_RATES.reset,
    costs,
  }
  const rows = await measureAll(strategies, spec, sizesOf(spec, flags), setting, terminal)
  if (flags.csv !== undefined) writeFileSync(flags.csv, csvOf(rows))
  if (flags.svg !== undefined) writeFileSync(flags.svg, plotOf(rows, titleOf(setting)))
  const text =
    flags.json === true
      ? JSON.stringify({ ...setting, costs: costRows(costs), results: rows }, undefined, 2)
      : contentionText(rows, setting, painter(terminal))
  terminal.out.write(`${text}\n`)
  return rows.every(({ verdict }) => verdict === 'ok') ? 0 : 1
}

/** @throws ConfigError naming everything that is no cost. */
function costsOf(given: readonly string[]): Costs {
  const changed: Partial<Record<CostName, number>> = {}
  const wrong = given.filter((text) => {
    const [, name = '', ns] = /^([a-z-]+)=(\d+(?:\.\d+)?(?:e\d+)?)$/.exec(text) ?? []
    if (!isCostName(name)) return true
    changed[name] = Number(ns)
    return false
  })
  const expected = `name=ns, with a name of ${Object.keys(COSTS).join(', ')}`
  if (wrong.length === 0) return costsWith(changed)
  throw new ConfigError(
    wrong.map((found) => ({
      severity: 'error',
      code: 'cost-unknown',
      message: '--cost: this is no cost',
      expected,
      found,
    })),
  )
}

function costRows(costs: Costs): Record<string, { readonly ns: number; readonly source: string }> {
  return Object.fromEntries(
    Object.entries(COSTS).map(([name, row]) => {
      const ns = costs[name as CostName]
      return [name, { ns, source: ns === row.ns ? row.source : 'given' }]
    }),
  )
}

function titleOf({ scenario, durationNs, seed }: ContentionSetting): string {
  return `${scenario}: ${durationNs / NS_PER_SECOND} s simulated, seed ${seed}`
}

function sizesOf({ devices }: ModelSpec, flags: ContentionFlags): readonly ContentionSize[] {
  return (flags.devices ?? [devices.length]).flatMap((count) =>
    (flags.mappings ?? [DEFAULT_SIZE.copies]).flatMap((mappings) =>
      (flags.faultRate ?? [DEFAULT_RATES.fault]).map((faultRate) => ({
        devices: count,
        mappings,
        faultRate,
      })),
    ),
  )
}

/** @throws ConfigError for a fork: a client goes round for ever, and a process is forked into once. */
function workloadOf(spec: ModelSpec): Workload {
  const tasks = spec.tasks.map(({ steps, ...task }) => ({
    ...task,
    steps: steps.map((step) => {
      if (step.do !== 'fork') return step
      const message = 'a fork cannot be done again and again, as clients do'
      throw new ConfigError([{ severity: 'error', code: 'step-not-measured', message, found: 'fork' }])
    }),
  }))
  return { ...spec, tasks }
}

async function measureAll(
  strategies: readonly AnyLockingStrategy[],
  spec: ModelSpec,
  sizes: readonly ContentionSize[],
  { seed, durationNs, pages, toggleRate, resetRate, costs }: ContentionSetting,
  terminal: Terminal,
): Promise<readonly Measurement[]> {
  const interrupt = watchInterrupt()
  const rows: Measurement[] = []
  try {
    for (const size of sizes) {
      const workload = workloadOf(resizeModel(spec, { devices: size.devices }))
      const options: ContentionOptions = {
        ...{ seed, durationNs, pages, costs, copies: size.mappings },
        rates: { fault: size.faultRate, toggle: toggleRate, reset: resetRate },
        shouldStop: () => interrupt.seen,
      }
      for (const strategy of strategies) {
        const run = simulate(strategy, workload, options)
        const what = `${strategy.name}, ${size.devices} devices`
        const result = await driven(run, terminal, ({ simulatedNs, steps }) => {
          return `${what}: ${Math.floor((100 * simulatedNs) / durationNs)} %, ${steps} steps`
        })
        rows.push({ ...size, ...result })
        if (interrupt.seen) return rows
      }
    }
  } finally {
    interrupt.forget()
  }
  return rows
}
