/** A whole use of what only a driver has: alone, and while everything else goes on. */
import type { Operation } from '@vfiokit/locking'
import { FEATURE, VfioError } from '@vfiokit/vfio-core'
import type { Variant } from '@vfiokit/vfio-pci'
import { demandSame, done, outcomeOf } from '../demand.ts'
import type { DeviceUser } from '../device-user.ts'
import { anyReset } from '../disturbance.ts'
import type { PluginBench } from '../plugin-bench.ts'
import { FeatureCalls } from './feature-calls.ts'
import { got } from './feature-checks.ts'
import { ALL_PAGES, LoggingUser } from './logging-user.ts'
import { StreamingCalls } from './streaming-calls.ts'

const TURNS = 2

/** Whether a kernel knows migration, or DMA logging: features came one by one. */
export function knows({ core }: PluginBench, feature: 'MIGRATION' | 'DMA_LOGGING_START'): boolean {
  return core.profile.deviceFeatures.includes(FEATURE[feature])
}

/** What each feature of the driver's own is, or answers. */
export function featuresOf({ features = new Map() }: Variant, user: DeviceUser): unknown[] {
  return [...features].map(([index, feature]) => [index, got(user, index, feature)])
}

/** Migrates a card to itself and logs its DMA, where the kernel can; ENOTTY where it cannot. */
export function useDriver(variant: Variant, bench: PluginBench, user: DeviceUser, where: string): void {
  const how = (feature: Parameters<typeof knows>[1]) => (knows(bench, feature) ? 'ok' : 'ENOTTY')
  if (variant.migration !== undefined) {
    const outcome = outcomeOf(() => migrate(bench, user))
    demandSame(`migration ${where}`, outcome, how('MIGRATION'))
  }
  if (variant.dmaLog === undefined) return
  const log = LoggingUser.of(user, bench)
  const outcome = outcomeOf(() => {
    done(log.start(ALL_PAGES))
    log.writeAround(1)
    demandSame(`pages that are logged ${where}`, done(log.report()), [1, 2])
    done(log.stop())
  })
  demandSame(`logging ${where}`, outcome, how('DMA_LOGGING_START'))
  log.release()
}

function migrate(bench: PluginBench, user: DeviceUser): void {
  const calls = new StreamingCalls(user.calls)
  const stream = done(calls.save())
  anyReset(bench)?.begin(user, bench)
  done(calls.resume(stream))
}

/** For a scheduler: tasks that use the driver while memory goes, resets come and another process does the same. */
export function driverTasks(
  { features = new Map(), migration, dmaLog }: Variant,
  bench: PluginBench,
  user: DeviceUser,
): [string, Operation<void>][] {
  const who = user.process.id
  const tasks: [string, Operation<void>][] = []
  if (features.size > 0) tasks.push([`${who} features`, getAll([...features], user)])
  if (migration !== undefined && knows(bench, 'MIGRATION')) tasks.push([`${who} migration`, migrating(user)])
  // There is one container, and its memory is mapped once.
  if (dmaLog !== undefined && knows(bench, 'DMA_LOGGING_START') && who === 'vm0')
    tasks.push([`${who} DMA log`, logging(LoggingUser.of(user, bench).stepwise)])
  return tasks
}

function* getAll(
  features: readonly (readonly [number, { readonly payloadBytes: number }])[],
  { operations }: DeviceUser,
): Operation<void> {
  const calls = new FeatureCalls(operations)
  for (let turn = 0; turn < TURNS; turn++)
    for (const [index, { payloadBytes }] of features)
      yield* refusable(calls.get(index, new Uint8Array(payloadBytes)))
}

/** Whoever else migrates, or resets, makes steps impossible or data useless. */
function* migrating({ operations }: DeviceUser): Operation<void> {
  const calls = new StreamingCalls(operations)
  for (let turn = 0; turn < TURNS; turn++) {
    const stream = yield* refusable(calls.save())
    if (stream !== undefined) yield* refusable(calls.resume(stream))
  }
}

function* logging(log: LoggingUser): Operation<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    yield* refusable(log.start(ALL_PAGES))
    log.writeAround(turn)
    yield* refusable(log.report())
    yield* refusable(log.stop())
  }
}

/** An errno is an answer. What the plugin does wrong is told elsewhere. */
function* refusable<T>(step: Operation<T>): Operation<T | undefined> {
  try {
    return yield* step
  } catch (error) {
    if (VfioError.is(error)) return undefined
    throw error
  }
}
