/** The rule about two processes that use a region at the same time, with nobody who disturbs them. */
import { ControlledDriver, type Operation, randomSchedule } from '@vfiokit/locking'
import type { DeviceCalls } from '@vfiokit/vfio-core'
import { demand, demandSame, RuleBroken } from '../demand.ts'
import type { DeviceUser } from '../device-user.ts'
import type { SurveyedRegion } from '../observed-plugin.ts'
import type { RegionCheck, RuleContext } from '../region-check.ts'

const SEEDS = 40
const TURNS = 3
const PART_BYTES = 4
const READ_MAX_BYTES = 64

/** @see REGION_RULES */
export const accessConcurrent: RegionCheck = {
  needs: ['info-flags', 'read-inside', 'write-inside', 'read-pieces', 'access-shared'],
  silent: ({ readable, writable }) =>
    readable.length + writable.length > 0 ? undefined : 'there is no region that can be read or written',
  check(context) {
    const { bench, user } = context.opened()
    const users = [user, bench.share(user, 'vm1')]
    const stores = context.readable.filter((each) => keepsParts(each, user))
    for (let seed = 0; seed < SEEDS; seed++) {
      race(seed, readers(context, users))
      race(seed, writers(context, users, stores))
    }
    bench.demandNoFailure()
  },
}

function race(seed: number, tasks: readonly (readonly [string, Operation<void>])[]): void {
  const driver = new ControlledDriver({ schedule: randomSchedule(seed) })
  for (const [name, task] of tasks) driver.spawn(name, task)
  const { verdict, failures } = driver.run()
  const [failure] = failures
  if (failure !== undefined) {
    const { task, error } = failure
    const what = error instanceof RuleBroken ? error.message : `${task} ends with ${String(error)}`
    throw new RuleBroken(`seed ${seed}: ${what}`)
  }
  demandSame(`seed ${seed}`, verdict, 'finished')
}

/** Everybody reads a part of everything that stands still, and nobody writes. */
function readers({ readable }: RuleContext, users: readonly DeviceUser[]): [string, Operation<void>][] {
  const [first] = users
  return readable.flatMap(({ index, region }) => {
    const length = Math.min(region.sizeBytes, READ_MAX_BYTES)
    const whole = first!.read(index, 0, length)
    const again = first!.read(index, 0, length)
    if (!whole.every((byte, at) => byte === again[at])) return []
    return users.map((user, at): [string, Operation<void>] => {
      const offset = Math.floor((at * length) / users.length)
      return [
        `${user.process.id} reads ${index}`,
        readTask(user.operations, index, offset, whole.subarray(offset)),
      ]
    })
  })
}

function* readTask(calls: DeviceCalls, index: number, offset: number, expected: Uint8Array): Operation<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    const found = new Uint8Array(expected.length)
    yield* calls.read(index, offset, found)
    demandSame(`region ${index} at ${offset}, read while another process reads it`, found, expected)
  }
}

/** Everybody writes bytes of their own, and reads them back where a region keeps them. */
function writers(
  { writable, readable }: RuleContext,
  users: readonly DeviceUser[],
  stores: readonly SurveyedRegion[],
): [string, Operation<void>][] {
  return users.flatMap((user, at) => [
    ...writable.map(({ index, region }): [string, Operation<void>] => {
      const keeps = stores.some((each) => each.index === index)
      const offset = region.sizeBytes < 2 * PART_BYTES ? 0 : at * PART_BYTES
      const bytes = Math.min(PART_BYTES, region.sizeBytes - offset)
      return [`${user.process.id} writes ${index}`, writeTask(user.operations, index, offset, bytes, keeps)]
    }),
    ...readable.map(({ index }): [string, Operation<void>] => [
      `${user.process.id} reads ${index}`,
      anyRead(user.operations, index),
    ]),
  ])
}

function* writeTask(
  calls: DeviceCalls,
  index: number,
  offset: number,
  lengthBytes: number,
  keeps: boolean,
): Operation<void> {
  for (let turn = 0; turn < TURNS; turn++) {
    const data = new Uint8Array(lengthBytes).fill(16 * turn + offset + 1)
    demandSame(`bytes written to region ${index}`, yield* calls.write(index, offset, data), lengthBytes)
    if (!keeps) continue
    const found = new Uint8Array(lengthBytes)
    yield* calls.read(index, offset, found)
    demandSame(`bytes at ${offset} of region ${index}, which only one process writes`, found, data)
  }
}

function* anyRead(calls: DeviceCalls, index: number): Operation<void> {
  for (let turn = 0; turn < TURNS; turn++)
    demandSame(`bytes read of region ${index}`, yield* calls.read(index, 0, new Uint8Array(1)), 1)
}

/** Whether bytes that one process alone writes to two parts are there afterwards. */
function keepsParts({ index, region }: SurveyedRegion, user: DeviceUser): boolean {
  if (region.write === undefined || region.sizeBytes < 2 * PART_BYTES) return false
  const parts = [0, PART_BYTES].map((offset) => ({
    offset,
    data: new Uint8Array(PART_BYTES).fill(0x20 + offset),
  }))
  for (const { offset, data } of parts) user.write(index, offset, data)
  return parts.every(({ offset, data }) => {
    const found = user.read(index, offset, PART_BYTES)
    demand(found.length === PART_BYTES, `a read of region ${index} is short`)
    return found.every((byte, at) => byte === data[at])
  })
}
