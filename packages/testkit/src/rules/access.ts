/** Rules about read and write. */
import type { VfioErrno } from '@vfiokit/locking'
import { demand, demandSame, outcomeOf } from '../demand.ts'
import type { DeviceUser } from '../device-user.ts'
import type { SurveyedRegion } from '../observed-plugin.ts'
import type { PluginBench } from '../plugin-bench.ts'
import { type ChecksNamed, type RegionCheck, type RuleContext, unlessThereAre } from '../region-check.ts'
import {
  type AccessPoint,
  accessPoints,
  alignedPoints,
  isAligned,
  REGISTER_BYTES,
  wholeBytes,
} from '../samples.ts'
import { accessConcurrent } from './concurrent.ts'

type Direction = 'read' | 'write'

const unlessReadable = unlessThereAre('region that can be read', ({ readable }) => readable)
const unlessWritable = unlessThereAre('region that can be written', ({ writable }) => writable)

const readInside: RegionCheck = {
  needs: ['access-unaligned'],
  silent: unlessReadable,
  check: (context) => checkInside(context, 'read', context.readable),
}

const writeInside: RegionCheck = {
  needs: ['access-unaligned'],
  silent: unlessWritable,
  check: (context) => checkInside(context, 'write', context.writable),
}

function checkInside(context: RuleContext, direction: Direction, regions: readonly SurveyedRegion[]): void {
  const { bench, user } = context.opened()
  for (const each of regions)
    for (const point of accessPoints(each.region.sizeBytes))
      demandAccess(bench, user, { ...each, direction }, point)
}

function demandAccess(
  bench: PluginBench,
  user: DeviceUser,
  { direction, index }: Allowed,
  { offset, lengthBytes }: AccessPoint,
): void {
  const what = `${direction} of ${lengthBytes} bytes at ${offset} of region ${index}`
  let count = 0
  const outcome = outcomeOf(() => {
    count = transfer(user, direction, index, offset, lengthBytes)
  })
  const [failure] = bench.failures.filter(({ member }) => member === direction)
  const why = failure === undefined ? '' : `, since it throws ${String(failure.cause)}`
  demand(outcome === 'ok', `${what} ends with ${outcome}${why}`)
  demandSame(what, `${count} bytes`, `${lengthBytes} bytes`)
}

/** Says nothing of what cannot be accessed at all: that is for the rules behind it. */
const accessUnaligned: RegionCheck = {
  check(context) {
    for (const each of allowed(context)) {
      const { bench, user } = context.opened()
      const { direction, index, region } = each
      const isUsable = REGISTER_BYTES.some((lengthBytes) =>
        alignedPoints(region.sizeBytes, lengthBytes).every(
          ({ offset }) => outcomeOf(() => transfer(user, direction, index, offset, lengthBytes)) === 'ok',
        ),
      )
      if (!isUsable) continue
      for (const point of accessPoints(region.sizeBytes))
        if (!isAligned(point)) demandAccess(bench, user, each, point)
    }
  },
}

const readPieces: RegionCheck = {
  needs: ['read-inside'],
  silent: unlessReadable,
  check(context) {
    const { user } = context.opened()
    for (const { index, region } of context.readable) {
      const length = wholeBytes(region.sizeBytes)
      const whole = user.read(index, 0, length)
      for (const { offset, lengthBytes } of accessPoints(length)) {
        const part = user.read(index, offset, lengthBytes)
        // Registers that count or latch are different each time, and that is all right.
        if (!isSame(user.read(index, 0, length), whole)) break
        const expected = whole.subarray(offset, offset + lengthBytes)
        demandSame(`${lengthBytes} bytes at ${offset} of region ${index}`, part, expected)
      }
    }
  },
}

const accessBounds: RegionCheck = {
  needs: ['read-inside', 'write-inside'],
  check(context) {
    const { bench, user } = context.opened()
    for (const { direction, index, position, region } of allowed(context)) {
      const { sizeBytes } = region
      const what = `${direction} of region ${index}`
      demandSame(`${what} across its end`, transfer(user, direction, index, sizeBytes - 1, 8), 1)
      for (const behind of [sizeBytes, sizeBytes + 1, sizeBytes + 2 ** 20])
        demandSame(
          `${what} at ${behind}`,
          outcomeOf(() => transfer(user, direction, index, behind, 1)),
          'EINVAL',
        )
      for (const { offset, lengthBytes } of bench.observed.callsOf(position, direction))
        demandSame(`${what} ends inside`, offset + lengthBytes <= sizeBytes, true)
    }
  },
}

const accessRefused: RegionCheck = {
  needs: ['read-inside', 'write-inside'],
  silent: unlessThereAre('region without read or write', (context) =>
    context.regions.filter(({ region }) => region.read === undefined || region.write === undefined),
  ),
  check(context) {
    const { bench, user } = context.opened()
    const refused: VfioErrno = 'EINVAL'
    for (const { index, region } of context.regions)
      for (const direction of ['read', 'write'] as const) {
        if (region[direction] !== undefined) {
          // What is refused at first is refused later, too.
          transfer(user, direction, index, 0, 1)
          continue
        }
        const asked = bench.observed.calls.length
        const outcome = outcomeOf(() => transfer(user, direction, index, 0, 1))
        demandSame(`${direction} of region ${index}, which has none`, outcome, refused)
        demandSame('members asked', bench.observed.calls.length - asked, 0)
      }
  },
}

const accessNothing: RegionCheck = {
  check(context) {
    const { bench, user } = context.opened()
    for (const { index, region } of context.regions)
      for (const offset of [0, region.sizeBytes, region.sizeBytes + 4096])
        for (const direction of ['read', 'write'] as const)
          demandSame(`${direction} of 0 bytes at ${offset}`, transfer(user, direction, index, offset, 0), 0)
    const asked = bench.observed.calls.filter(({ owner }) => owner !== 'driver')
    demandSame('members asked', asked.length, 0)
  },
}

const accessShared: RegionCheck = {
  needs: ['read-inside', 'read-pieces'],
  silent: unlessReadable,
  check(context) {
    const { bench, user } = context.opened()
    const other = bench.share(user, 'vm1')
    for (const { index, region } of context.readable) {
      const length = wholeBytes(region.sizeBytes)
      const before = user.read(index, 0, length)
      const theirs = other.read(index, 0, length)
      const after = user.read(index, 0, length)
      if (isSame(before, after)) demandSame(`region ${index} read by vm1`, theirs, before)
    }
  },
}

/** A region with a direction that it has a member for. */
type Allowed = SurveyedRegion & { readonly direction: Direction }

function allowed(context: RuleContext): Allowed[] {
  return [
    ...context.readable.map((each) => ({ ...each, direction: 'read' as const })),
    ...context.writable.map((each) => ({ ...each, direction: 'write' as const })),
  ]
}

/** @returns how many bytes were moved. Zeros are written. */
function transfer(
  user: DeviceUser,
  direction: Direction,
  index: number,
  offset: number,
  lengthBytes: number,
): number {
  if (direction === 'read') return user.read(index, offset, lengthBytes).length
  return user.write(index, offset, new Uint8Array(lengthBytes))
}

function isSame(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && left.every((byte, at) => byte === right[at])
}

/** By id, in the order in which they are asked. */
export const ACCESS_CHECKS: ChecksNamed<'access' | 'read' | 'write'> = {
  'read-inside': readInside,
  'read-pieces': readPieces,
  'write-inside': writeInside,
  'access-unaligned': accessUnaligned,
  'access-concurrent': accessConcurrent,
  'access-bounds': accessBounds,
  'access-refused': accessRefused,
  'access-nothing': accessNothing,
  'access-shared': accessShared,
}
