/**
 * A contest: faults, loads, reads and writes of two processes against memory enable, power and resets,
 * one step at a time in an order that a seed decides.
 */
import {
  ControlledDriver,
  InvariantMonitor,
  type Operation,
  pctSchedule,
  randomSchedule,
  type Schedule,
  scoped,
  type VfioErrno,
} from '@vfiokit/locking'
import { PAGE_SIZE_BYTES, pagesOf, VfioError, VfioSignal } from '@vfiokit/vfio-core'
import { demand, demandSame, outcomeOf } from './demand.ts'
import { type DeviceUser, setMemory, setPower, type UserMapping } from './device-user.ts'
import { anyReset, DISTURBANCES, type DisturbanceName } from './disturbance.ts'
import type { SurveyedRegion } from './observed-plugin.ts'
import { cardOf, type PluginBench } from './plugin-bench.ts'
import type { MappablePart, RuleContext } from './region-check.ts'
import { driverTasks, useDriver } from './variant/driver-use.ts'

const TURNS = 3
const TRIES_MAX = 20
/** What a contest has, about. */
const STEPS = 500
/** What an access may answer when it loses: memory was off at that moment, or a lock was taken. */
const LOSSES: readonly string[] = ['SIGBUS', 'EIO', 'EBUSY']

/** Runs one. @throws RuleBroken when something else than a loss comes of it. */
export function holdContest(context: RuleContext, bench: PluginBench, seed: number): void {
  const { regions, sampled, variant, fixture } = context
  const owner = bench.open('vm0')
  const users = [owner, bench.share(owner, 'vm1')]
  const monitor = new InvariantMonitor(bench.core.strategy, [bench.device])
  const driver = new ControlledDriver({ schedule: scheduleOf(seed), watchers: [monitor.watch] })
  const mapped = users.flatMap((user) => mapEverything(user, sampled))
  for (const each of mapped) driver.spawn(`touch ${each.mapping.vma.id}`, touches(each))
  for (const user of users)
    for (const each of regions)
      driver.spawn(`${user.process.id} region ${each.index}`, accesses(user, each, fixture.whileAway))
  for (const user of users)
    for (const [name, task] of driverTasks(variant, bench, user)) driver.spawn(name, task)
  for (const [name, task] of disturbances(bench, owner)) driver.spawn(name, task)
  const { verdict, failures, blocked } = driver.run()
  const where = `seed ${seed}`
  const [failure] = failures
  demand(failure === undefined, `${where}: ${failure?.task} ends with ${String(failure?.error)}`)
  demand(verdict === 'finished', `${where}: ${verdict} of ${blocked.map(({ task }) => task).join(' and ')}`)
  const [broken] = monitor.broken
  demand(broken === undefined, `${where}: ${broken?.id}, ${broken?.statement}: ${broken?.violation?.message}`)
  demandSame(`${where}: locks left`, bench.core.locks.busy().length, 0)
  bench.demandNoFailure()
  demandAllBack(bench, owner, mapped, where)
  useDriver(variant, bench, owner, where)
}

/** By turns: any task may be next, or priorities that change at a few moments. */
function scheduleOf(seed: number): Schedule {
  return seed % 2 === 0 ? randomSchedule(seed) : pctSchedule(seed, { length: STEPS })
}

interface Contestant {
  readonly user: DeviceUser
  readonly mapping: UserMapping
}

/** Every mappable region, and the first BAR beside it. */
function mapEverything(user: DeviceUser, parts: readonly MappablePart[]): Contestant[] {
  const own = parts.map((part) => ({ user, mapping: user.map(part) }))
  const isMappable = outcomeOf(() => user.munmap(user.mmap(0, 0, PAGE_SIZE_BYTES))) === 'ok'
  return isMappable ? [...own, { user, mapping: user.mmap(0, 0, PAGE_SIZE_BYTES) }] : own
}

function* touches({ user, mapping }: Contestant): Operation<void> {
  const calls = user.process.calls
  const pages = pagesOf(mapping.lengthBytes)
  for (let turn = 0; turn < TURNS; turn++)
    for (const page of new Set([0, pages - 1]))
      yield* losing(
        'touch',
        calls.load(mapping.vma.start + page * PAGE_SIZE_BYTES, new Uint8Array(4)),
        mapping.vma.followsMemory ? LOSSES : [],
      )
}

function* accesses(
  { calls, process }: DeviceUser,
  { index, region }: SurveyedRegion,
  whileAway: readonly VfioErrno[] = [],
): Operation<void> {
  const engine = process.calls
  const at = index * 2 ** 40
  for (let turn = 0; turn < TURNS; turn++) {
    if (region.read !== undefined)
      yield* losing('read', engine.pread(calls.fd, new Uint8Array(1), at), whileAway)
    if (region.write !== undefined)
      yield* losing('write', engine.pwrite(calls.fd, new Uint8Array(1), at), whileAway)
    const lost = [...LOSSES, ...whileAway, 'EINVAL']
    yield* losing('read of BAR 0', engine.pread(calls.fd, new Uint8Array(1), 0), lost)
  }
}

function disturbances(bench: PluginBench, user: DeviceUser): [string, Operation<void>][] {
  const card = cardOf(bench)
  const calls = user.operations
  const tasks: Record<DisturbanceName, () => Operation<void>> = {
    *'memory off'() {
      yield* scoped('memory off', setMemory(calls, false))
      yield* scoped('memory on', setMemory(calls, true))
    },
    *D3hot() {
      yield* scoped('D3hot', setPower(calls, 'D3hot', card))
      yield* scoped('D0', setPower(calls, 'D0', card))
    },
    *'function reset'() {
      yield* losing('function reset', calls.reset(), [])
    },
    *'hot reset'() {
      // Not for ever: whoever it waits for may be in a deadlock, and that has to be seen.
      for (let tries = 0, outcome = 'EBUSY'; tries < TRIES_MAX && outcome !== 'ok'; tries++)
        outcome = yield* losing('hot reset', calls.hotReset([user.groupFd]), ['EBUSY'])
    },
  }
  return (Object.keys(tasks) as DisturbanceName[])
    .filter((name) => DISTURBANCES[name].possible(bench))
    .map((name) => [name, tasks[name]()])
}

/** A step that may lose in the ways that are named. */
function* losing(name: string, step: Operation<unknown>, losses: readonly string[]): Operation<string> {
  try {
    yield* scoped(name, step)
    return 'ok'
  } catch (error) {
    const how = VfioError.is(error) ? error.errno : VfioSignal.is(error) ? error.signal : undefined
    if (how === undefined || !losses.includes(how)) throw error
    return how
  }
}

/** Memory is on and power is D0 when all have ended: every page is there again, or still. */
function demandAllBack(
  bench: PluginBench,
  owner: DeviceUser,
  mapped: readonly Contestant[],
  where: string,
): void {
  owner.setMemory(true)
  // Whatever state a migration was left in.
  anyReset(bench)?.begin(owner, bench)
  for (const { user, mapping } of mapped) {
    const outcome = outcomeOf(() => user.load(mapping, 0))
    demandSame(`${where}: ${mapping.vma.id} after the contest`, outcome, 'ok')
  }
}
