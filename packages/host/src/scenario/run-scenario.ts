/** Runs a scenario on the engine, one strategy at a time, under a seeded schedule. */
import {
  type AnyLockingStrategy,
  ControlledDriver,
  InvariantMonitor,
  type InvariantReport,
  type Operation,
  randomSchedule,
  scoped,
  type Violation,
} from '@vfiokit/locking'
import { VfioError, VfioSignal } from '@vfiokit/vfio-core'
import { createHost } from '../create-host.ts'
import type { Host } from '../host.ts'
import { type Scenario, stepOf } from './scenario-file.ts'
import type { ScenarioDocument, StepDocument, TaskDocument, Verdict } from './scenario-schema.ts'
import { type Stage, setStage } from './stage.ts'
import { runStep } from './steps.ts'
import { type MappingCounts, type RunCounts, Timeline, type TimelineEvent } from './timeline.ts'

/** What a run under one strategy came to. */
export interface ScenarioResult {
  readonly strategy: string
  readonly seed: number
  readonly kernel: string
  readonly verdict: Verdict
  /** What the scenario expects of this strategy: `ok` when it says nothing. */
  readonly expected: Verdict
  /** Steps of simulated time. */
  readonly steps: number
  readonly invariants: readonly InvariantReport[]
  readonly mappings: readonly MappingResult[]
  readonly regions: readonly RegionResult[]
  readonly counts: RunCounts
  /** Tasks that wait for ever, and what they hold. */
  readonly blocked: readonly string[]
  /** Tasks that ended with what is no answer of the ABI. */
  readonly failures: readonly string[]
  readonly pluginFailures: readonly string[]
  readonly timeline: readonly TimelineEvent[]
}

/** A mapping after a run. */
export interface MappingResult extends MappingCounts {
  readonly name: string
  readonly process: string
  readonly device: string
  readonly region: number
  /** What its pages are: `bar` goes with the memory of the device. `none`: not mapped any more. */
  readonly backing: 'bar' | 'memory' | 'none'
  readonly presentPages: number
  /** It had pages, and none was ever taken away. */
  readonly survived: boolean
}

/** A device-specific region that a plugin added. */
export interface RegionResult {
  readonly device: string
  readonly index: number
  readonly provider: string
  readonly sizeBytes: number
  readonly mappable: boolean
  readonly backing: 'bar' | 'memory' | 'none'
}

/** What a caller can set. */
export interface RunOptions {
  /** Instead of the scenario's own. */
  readonly seed?: number | undefined
  /** Instead of the scenario's and the host's. */
  readonly strategies?: readonly (string | AnyLockingStrategy)[] | undefined
}

const DEFAULT_SEED = 1
const EVERY_CHECK = ['I1-I8', 'deadlock', 'locks-left']

/**
 * Runs a scenario under each of its strategies, each on a host of its own.
 *
 * @throws ConfigError for a host that cannot be, VfioError when the scenario's devices or mappings
 *   cannot be had at all.
 */
export async function runScenario(scenario: Scenario, options: RunOptions = {}): Promise<ScenarioResult[]> {
  const { document } = scenario
  const seed = options.seed ?? document.seed ?? DEFAULT_SEED
  const strategies = options.strategies ?? document.strategies ?? [undefined]
  const results: ScenarioResult[] = []
  for (const strategy of strategies) {
    const fairLocks = document.locks?.fair
    const host = await createHost({
      ...scenario.host,
      fairLocks,
      ...(strategy === undefined ? {} : { strategy }),
    })
    results.push(runOn(host, document, seed))
  }
  return results
}

/** Runs a scenario on a host that nobody used yet. */
export function runOn(host: Host, document: ScenarioDocument, seed: number): ScenarioResult {
  const stage = setStage(host, document)
  const devices = [...host.core.devices.values()]
  const monitor = new InvariantMonitor(host.strategy, devices)
  const timeline = new Timeline(devices)
  const driver = new ControlledDriver({
    schedule: randomSchedule(seed),
    watchers: [timeline.watch, monitor.watch],
  })
  for (const task of document.tasks)
    for (const name of namesOf(task)) driver.spawn(name, runTask(name, task, { stage, driver, timeline }))
  const outcome = driver.run()
  const mappings = mappingResults(stage, timeline)
  if (outcome.verdict === 'finished') probe(stage, monitor, outcome.steps)
  noteLocksLeft(host, document, monitor, outcome)
  const failures = outcome.failures.map(({ task, error }) => `${task}: ${String(error)}`)
  const invariants = monitor.report().filter(({ id }) => isChecked(document, id))
  return {
    strategy: host.strategy.name,
    seed,
    kernel: host.core.profile.version,
    verdict: verdictOf(outcome.verdict, failures, invariants),
    expected: document.expect?.[host.strategy.name] ?? 'ok',
    steps: outcome.steps,
    invariants,
    mappings,
    regions: regionResults(host),
    counts: timeline.counts,
    blocked: outcome.blocked.map(
      ({ task, waitsFor, holds }) =>
        `${task} waits for ${waitsFor.lock.name} (${waitsFor.mode}), holds ${
          holds.map(({ lock, mode }) => `${lock.name} (${mode})`).join(', ') || 'nothing'
        }`,
    ),
    failures,
    pluginFailures: host.bus.failureLines,
    timeline: timeline.events,
  }
}

interface TaskContext {
  readonly stage: Stage
  readonly driver: ControlledDriver
  readonly timeline: Timeline
}

function namesOf({ name, count = 1 }: TaskDocument): string[] {
  return count === 1 ? [name] : Array.from({ length: count }, (_, at) => `${name}.${at + 1}`)
}

function* runTask(name: string, task: TaskDocument, context: TaskContext): Operation<void> {
  for (const step of task.do)
    for (let turn = 0; turn < (step.repeat ?? 1); turn++) yield* runCounted(name, task, step, context)
}

/** One step whose failures are answers: an errno or a signal ends the step, not the task. */
function* runCounted(
  name: string,
  { process }: TaskDocument,
  step: StepDocument,
  { stage, driver, timeline }: TaskContext,
): Operation<void> {
  const [kind, args] = stepOf(step)
  const what = `${kind} ${String(args.mapping ?? args.device)}`
  const at = () => ({ step: driver.steps, task: name })
  try {
    yield* scoped(kind, runStep({ stage, process }, step))
    timeline.add(at(), 'done', what)
  } catch (error) {
    if (VfioSignal.is(error)) {
      if (error.signal === 'SIGBUS') timeline.counts.sigbus++
      if (error.signal === 'SIGBUS') timeline.mapping(String(args.mapping)).sigbus++
      timeline.add(at(), 'signal', `${what}: ${error.message}`)
    } else if (VfioError.is(error)) {
      if (error.errno === 'EBUSY') timeline.counts.ebusy++
      timeline.add(at(), 'errno', `${what}: ${error.message}`)
    } else {
      timeline.add(at(), 'failed', `${what}: ${String(error)}`)
      throw error
    }
  }
}

/**
 * I5 at rest: whatever is mapped and may be touched can be touched, and what may not be gives SIGBUS.
 */
function probe(stage: Stage, monitor: InvariantMonitor, lastStep: number): void {
  const driver = new ControlledDriver({ schedule: randomSchedule(0), watchers: [monitor.watch] })
  for (const name of stage.mappings.keys()) {
    const vma = stage.vma(name)
    if (vma === undefined || !vma.protection.read) continue
    const calls = stage.processes.get(vma.process.id)!
    const reachable = !vma.followsMemory || vma.device.cells.accessible.peek()
    const at = { step: lastStep, task: `probe of ${name}` }
    driver.spawn(
      at.task,
      touchAndNote(calls.load(vma.start, new Uint8Array(1)), reachable, (violated) =>
        monitor.note('I5', at, violated),
      ),
    )
  }
  driver.run()
}

function* touchAndNote(
  touching: Operation<void>,
  reachable: boolean,
  note: (violated: string | undefined) => void,
): Operation<void> {
  try {
    yield* touching
    note(reachable ? undefined : 'memory that is off can be touched')
  } catch (error) {
    if (!VfioSignal.is(error)) throw error
    note(reachable ? `memory that is on cannot be touched: ${error.message}` : undefined)
  }
}

function noteLocksLeft(
  host: Host,
  { check = EVERY_CHECK }: ScenarioDocument,
  monitor: InvariantMonitor,
  { verdict, steps }: { readonly verdict: string; readonly steps: number },
): void {
  if (verdict !== 'finished' || !check.includes('locks-left')) return
  const busy = host.core.locks.busy().map((lock) => lock.name)
  const left = busy.length === 0 ? undefined : `held after the end: ${busy.join(', ')}`
  monitor.note('I7', { step: steps, task: 'end' }, left)
}

function isChecked({ check = EVERY_CHECK }: ScenarioDocument, id: string): boolean {
  return check.some((entry) => {
    const [first, last = first] = entry.split('-')
    return /^I\d$/.test(first!) && id >= first! && id <= last!
  })
}

function verdictOf(
  ended: 'finished' | 'deadlock' | 'step-limit',
  failures: readonly string[],
  invariants: readonly InvariantReport[],
): Verdict {
  if (invariants.some(({ holds }) => !holds)) return 'violation'
  if (ended === 'deadlock') return 'deadlock'
  if (ended === 'step-limit' || failures.length > 0) return 'failed'
  return invariants.some(({ checked }) => checked === 0) ? 'unchecked' : 'ok'
}

function mappingResults(stage: Stage, timeline: Timeline): MappingResult[] {
  return [...stage.mappings].map(([name, { process, device, region }]) => {
    const vma = stage.vma(name)
    const counts = timeline.mapping(name)
    const presentPages = vma?.presentPages ?? 0
    return {
      name,
      process,
      device: stage.bdfs.get(device)!,
      region,
      backing: vma === undefined ? 'none' : vma.followsMemory ? 'bar' : 'memory',
      presentPages,
      ...counts,
      survived: presentPages > 0 && counts.zappedPages === 0,
    }
  })
}

function regionResults(host: Host): RegionResult[] {
  return [...host.core.devices.values()].flatMap((device) =>
    (host.bus.driverOf(device)?.open?.regions ?? []).map((own) => ({
      device: device.id,
      index: own.index,
      provider: own.provider,
      sizeBytes: own.sizeBytes,
      mappable: own.region.fault !== undefined,
      backing: own.region.backing ?? 'none',
    })),
  )
}

/** The first violation of a result, for a closing line. */
export function firstViolation({
  invariants,
}: ScenarioResult): (Violation & { readonly id: string }) | undefined {
  const broken = invariants.flatMap(({ id, violation }) =>
    violation === undefined ? [] : [{ id, ...violation }],
  )
  return broken.sort((a, b) => a.step - b.step)[0]
}
