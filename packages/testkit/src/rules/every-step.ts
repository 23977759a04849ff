/** The rule about a reset between any two steps of a use. */
import { ControlledDriver, type Operation, type Schedule, scoped } from '@vfiokit/locking'
import {
  type DeviceCalls,
  type EngineCalls,
  openDeviceIn,
  openGroup,
  VfioError,
  VfioSignal,
} from '@vfiokit/vfio-core'
import { demandSame } from '../demand.ts'
import type { DeviceUser } from '../device-user.ts'
import { DISTURBANCES } from '../disturbance.ts'
import type { SurveyedRegion } from '../observed-plugin.ts'
import { cardOf, type PluginBench } from '../plugin-bench.ts'
import { mappableParts, type RegionCheck, type RuleContext } from '../region-check.ts'

/** How each step of a use ended, by name. */
type Log = string[]

/** The card, opened by one process. */
interface OpenCard {
  readonly engine: EngineCalls
  readonly calls: DeviceCalls
}

/** @see REGION_RULES */
export const resetEveryStep: RegionCheck = {
  needs: ['map-pages', 'reset-any-time', 'reset-paired'],
  check(context) {
    const bench = context.bench()
    const { calls } = bench.host.process('vm0')
    const whole = (log: Log) => wholeUse(bench, calls, context.regions, log)
    if (DISTURBANCES['function reset'].possible(bench))
      disturbEveryStep(context, bench, 'a reset by the administrator', whole, () =>
        bench.bus.resetBySysfs(cardOf(bench).bdf),
      )
    const owner = bench.open('vm0')
    const other = cardOpenedBy(bench.share(owner, 'vm1')).calls
    const inner = (log: Log) => innerUse(cardOpenedBy(owner), context.regions, log)
    if (DISTURBANCES['function reset'].possible(bench))
      disturbEveryStep(context, bench, 'a function reset', inner, () => other.reset())
    if (DISTURBANCES['hot reset'].possible(bench))
      disturbEveryStep(context, bench, 'a hot reset', inner, () => lenient(other.hotReset([owner.groupFd])))
  },
}

/** Runs a use as often as it has steps, each time with the reset one step later. */
function disturbEveryStep(
  { name: plugin }: RuleContext,
  bench: PluginBench,
  name: string,
  use: (log: Log) => Operation<void>,
  reset: () => Operation<unknown>,
): void {
  const expected: Log = []
  const undisturbed = new ControlledDriver({ schedule: () => 0 })
  undisturbed.spawn('use', use(expected))
  const { steps } = undisturbed.run()
  for (let at = 0; at <= steps; at++) {
    const found: Log = []
    const driver = new ControlledDriver({ schedule: resetAfter(at) })
    driver.spawn('use', use(found))
    driver.spawn('reset', reset())
    const { verdict, failures } = driver.run()
    const when = `${name} after ${at} of ${steps} steps of a use of ${plugin}`
    demandSame(
      `what ends with an error, with ${when}`,
      failures.map(({ task, error }) => `${task}: ${String(error)}`),
      [],
    )
    demandSame(when, verdict, 'finished')
    bench.demandNoFailure()
    demandSame(`a use with ${when}`, found.join(', '), expected.join(', '))
    demandSame(`locks left by ${when}`, bench.core.locks.busy().length, 0)
  }
}

/** Whoever is not there, or waits, lets the other go on. */
function resetAfter(steps: number): Schedule {
  let taken = 0
  return (_count, runnable) => {
    const wanted = taken++ < steps ? 'use' : 'reset'
    return Math.max(
      0,
      runnable.findIndex(({ name }) => name === wanted),
    )
  }
}

function* wholeUse(
  { device }: PluginBench,
  calls: EngineCalls,
  regions: readonly SurveyedRegion[],
  log: Log,
): Operation<void> {
  const groupFd = yield* scoped('open', openGroup(calls, device.group.number))
  const card = yield* scoped('open', openDeviceIn(calls, groupFd, device.id))
  yield* innerUse({ engine: calls, calls: card }, regions, log)
  yield* scoped('close', calls.close(card.fd))
  yield* scoped('close', calls.close(groupFd))
}

function* innerUse(
  { engine, calls: card }: OpenCard,
  regions: readonly SurveyedRegion[],
  log: Log,
): Operation<void> {
  for (const each of regions) {
    const { index, region } = each
    yield* noted(log, `info ${index}`, card.regionInfo(index))
    for (const { area } of mappableParts(each)) {
      const address = yield* card.mmap(index, area.offset, area.sizeBytes)
      yield* noted(log, `fault ${index}`, engine.load(address, new Uint8Array(4)))
      yield* noted(log, `load ${index}`, engine.load(address, new Uint8Array(4)))
      yield* noted(log, `munmap ${index}`, engine.munmap(address, area.sizeBytes))
    }
    if (region.read !== undefined) yield* noted(log, `read ${index}`, card.read(index, 0, new Uint8Array(1)))
    if (region.write !== undefined)
      yield* noted(log, `write ${index}`, card.write(index, 0, new Uint8Array(1)))
  }
}

function* noted(log: Log, name: string, step: Operation<unknown>): Operation<void> {
  try {
    yield* scoped(name, step)
    log.push(`${name} ok`)
  } catch (error) {
    if (VfioError.is(error)) log.push(`${name} ${error.errno}`)
    else if (VfioSignal.is(error)) log.push(`${name} ${error.signal}`)
    else throw error
  }
}

/** A hot reset only tries its locks. */
function* lenient(reset: Operation<unknown>): Operation<void> {
  try {
    yield* reset
  } catch (error) {
    if (!VfioError.is(error, 'EBUSY')) throw error
  }
}

function cardOpenedBy({ process, operations }: DeviceUser): OpenCard {
  return { engine: process.calls, calls: operations }
}
