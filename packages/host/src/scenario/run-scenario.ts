/** Runs a scenario on the engine, one strategy at a time, under a seeded schedule. */
import {
  type AnyLockingStrategy,
  ControlledDriver,
  type ControlledOutcome,
  InvariantMonitor,
  type InvariantReport,
  randomSchedule,
  type Schedule,
  type Watcher,
} from '@vfiokit/locking'
import type { Diagnostic, YamlPath } from '@vfiokit/topology'
import { type Complain, ConfigError, complainPlainly } from '../config-error.ts'
import { createHost } from '../create-host.ts'
import type { Host } from '../host.ts'
import type { PluginRecorder } from '../recording/plugin-recorder.ts'
import { findStrategy, unknownStrategy } from '../strategy-choice.ts'
import { probe } from './probe.ts'
import type { Scenario } from './scenario-file.ts'
import {
  describeBlocked,
  idlePlugins,
  mappingResults,
  regionResults,
  type ScenarioResult,
} from './scenario-result.ts'
import { isChecked, type ScenarioDocument, type Verdict } from './scenario-schema.ts'
import { type Stage, setStage } from './stage.ts'
import { spawnTasks } from './step-task.ts'
import { missingCapability, stepOf } from './steps.ts'
import { Timeline } from './timeline.ts'

/** How one run goes. */
export interface RunOptions {
  /** Of the schedule, instead of the scenario's own. */
  readonly seed?: number | undefined
  /** A run that takes more steps is stopped, and its verdict is `failed`. A million by default. */
  readonly stepsMax?: number | undefined
  /** Instead of a random walk by the seed. */
  readonly schedule?: Schedule | undefined
  /** Sees every step. */
  readonly watch?: Watcher | undefined
}

/** How the runs of a scenario go. */
export interface ScenarioOptions extends RunOptions {
  /** Instead of the scenario's and the host's. */
  readonly strategies?: readonly (string | AnyLockingStrategy)[] | undefined
  /** Shown the host before anything runs; its `warnings` say what is odd about the machine. */
  readonly onHost?: ((host: Host) => void) | undefined
  /** Writes down what plugins are asked and answer. */
  readonly recorder?: PluginRecorder | undefined
}

const DEFAULT_SEED = 1

/**
 * Runs a scenario under each of its strategies, each on a host of its own.
 *
 * @throws ConfigError for a host that cannot be, for unknown strategies, and for devices, mappings and
 *   steps that cannot be had on it.
 */
export async function runScenario(
  scenario: Scenario,
  options: ScenarioOptions = {},
): Promise<ScenarioResult[]> {
  const { document, complain } = scenario
  const config = { ...scenario.host, fairLocks: document.locks?.fair }
  const first = await createHost(config)
  options.onHost?.(first)
  const strategies = strategiesOf(scenario, options, first)
  const results: ScenarioResult[] = []
  for (const strategy of strategies) {
    const { topology } = first
    const recorder = options.recorder?.next()
    const plugins = recorder?.wrap(first.plugins) ?? first.plugins
    const host = await createHost({ ...config, topology, plugins, strategy })
    recorder?.watch(host)
    const result = runOn(host, document, options, complain)
    if (recorder !== undefined) options.recorder!.ended(recorder, result)
    results.push(result)
  }
  return results
}

/** All names of strategies are looked up before anything runs, those in `expect` included. */
export function strategiesOf(
  { document, complain = complainPlainly }: Scenario,
  { strategies }: ScenarioOptions,
  { strategy, strategies: offered }: Host,
): readonly AnyLockingStrategy[] {
  const given = strategies?.filter((each) => typeof each !== 'string') ?? []
  const lookUp = (name: string) => findStrategy(name, [...offered, strategy, ...given])
  const defect = (name: string, at: YamlPath) =>
    lookUp(name) === undefined ? complain(at, unknownStrategy(name, offered)) : []
  const wanted = strategies ?? document.strategies ?? [strategy]
  const defects = [
    ...(document.strategies ?? []).flatMap((name, at) => defect(name, ['strategies', at])),
    ...Object.keys(document.expect ?? {}).flatMap((name) => defect(name, ['expect', name])),
    ...wanted.flatMap((each) => {
      const known = typeof each !== 'string' || strategies === undefined || lookUp(each) !== undefined
      return known ? [] : { severity: 'error' as const, ...unknownStrategy(each, offered) }
    }),
  ]
  if (defects.length > 0) throw new ConfigError(defects)
  return wanted.map((each) => (typeof each === 'string' ? lookUp(each)! : each))
}

/**
 * Runs a scenario on a host that nobody used yet.
 *
 * @throws ConfigError for devices, mappings and steps that cannot be had on this host.
 */
export function runOn(
  host: Host,
  document: ScenarioDocument,
  options: RunOptions = {},
  complain: Complain = complainPlainly,
): ScenarioResult {
  return runTasks(stageFor(host, document, complain), document, options)
}

/** What tasks run on. @throws ConfigError as {@link runOn}. */
export function stageFor(host: Host, document: ScenarioDocument, complain: Complain): Stage {
  const stage = setStage(host, document, complain)
  refuseImpossibleSteps(stage, document, complain)
  return stage
}

/** Runs the tasks of a scenario, on a stage that may have been used before. */
export function runTasks(stage: Stage, document: ScenarioDocument, options: RunOptions = {}): ScenarioResult {
  const { host } = stage
  const devices = [...host.core.devices.values()]
  const monitor = new InvariantMonitor(host.strategy, devices)
  const timeline = new Timeline(devices)
  const seed = options.seed ?? document.seed ?? DEFAULT_SEED
  const { stepsMax, schedule = randomSchedule(seed), watch } = options
  const driver = new ControlledDriver({
    schedule,
    watchers: [timeline.watch, monitor.watch, ...(watch === undefined ? [] : [watch])],
    ...(stepsMax === undefined ? {} : { stepsMax }),
  })
  spawnTasks(document.tasks, { stage, driver, timeline })
  const outcome = driver.run()
  const mappings = mappingResults(stage, timeline)
  if (outcome.verdict === 'finished') askAtTheEnd(stage, monitor, outcome.steps)
  const invariants = monitor.report().filter(({ id }) => isChecked(document, id))
  const failures = failuresOf(outcome)
  return {
    strategy: host.strategy.name,
    seed,
    kernel: host.core.profile.version,
    verdict: verdictOf(outcome, failures, invariants),
    expected: document.expect?.[host.strategy.name] ?? 'ok',
    steps: outcome.steps,
    invariants,
    mappings,
    regions: regionResults(host),
    idlePlugins: idlePlugins(host),
    counts: timeline.counts,
    blocked: outcome.blocked.map(describeBlocked),
    failures,
    pluginFailures: host.bus.failureLines,
    timeline: timeline.events,
  }
}

function refuseImpossibleSteps(stage: Stage, { tasks }: ScenarioDocument, complain: Complain): void {
  const defects: readonly Diagnostic[] = tasks.flatMap((task, at) =>
    task.do.flatMap((step, index) => {
      const missing = missingCapability(stage, step)
      if (missing === undefined) return []
      const [kind] = stepOf(step)
      const message = `the device has no ${missing} capability`
      return complain(['tasks', at, 'do', index, kind], { code: 'no-capability', message })
    }),
  )
  if (defects.length > 0) throw new ConfigError(defects)
}

/** Whether mappings work and locks are free, once every task has ended. */
function askAtTheEnd(stage: Stage, monitor: InvariantMonitor, step: number): void {
  probe(stage, monitor, step)
  const busy = stage.host.core.locks.busy().map((lock) => lock.name)
  const left = busy.length === 0 ? undefined : `held after the end: ${busy.join(', ')}`
  monitor.note('I7', { step, task: 'end' }, left)
}

function failuresOf({ verdict, failures, steps }: ControlledOutcome): string[] {
  const stopped =
    verdict === 'step-limit' ? [`stopped after ${steps} steps, before every task had ended`] : []
  return [...failures.map(({ task, error }) => `${task}: ${String(error)}`), ...stopped]
}

function verdictOf(
  { verdict }: ControlledOutcome,
  failures: readonly string[],
  invariants: readonly InvariantReport[],
): Verdict {
  if (invariants.some(({ holds }) => !holds)) return 'violation'
  if (verdict === 'deadlock') return 'deadlock'
  if (failures.length > 0) return 'failed'
  return invariants.some(({ checked }) => checked === 0) ? 'unchecked' : 'ok'
}
