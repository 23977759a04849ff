/** Rules about a member that fails: the caller gets an errno, and the device stays usable. */
import { effect } from '@vfiokit/locking'
import { PCI_REGION } from '@vfiokit/vfio-core'
import { demandSame, outcomeOf } from '../demand.ts'
import type { DeviceUser } from '../device-user.ts'
import { anyReset } from '../disturbance.ts'
import type { MemberOwner, RegionMember, SurveyedRegion } from '../observed-plugin.ts'
import { ObservedVariantDriver } from '../observed-variant-driver.ts'
import { cardOf, type PluginBench } from '../plugin-bench.ts'
import {
  type ChecksNamed,
  isPrefaulted,
  mappableParts,
  type RegionCheck,
  type RuleContext,
} from '../region-check.ts'
import { type DriverMember, driverMembers } from '../variant/driver-members.ts'
import type { RuleId } from '../variant/variant-rules.ts'

/** How each member of a region is reached, and what the caller gets when it throws. */
const PROVOCATIONS: Readonly<
  Record<
    RegionMember,
    {
      readonly outcome: string
      readonly call: (user: DeviceUser, bench: PluginBench, at: SurveyedRegion) => void
    }
  >
> = {
  read: { outcome: 'EIO', call: (user, _bench, { index }) => void user.read(index, 0, 1) },
  write: { outcome: 'EIO', call: (user, _bench, { index }) => void user.write(index, 0, new Uint8Array(1)) },
  fault: { outcome: 'SIGBUS', call: (user, _bench, at) => touch(user, at) },
  capabilities: { outcome: 'EIO', call: (user, _bench, { index }) => void user.regionInfo(index) },
  resetPrepare: { outcome: 'ok', call: (user, bench) => anyReset(bench)?.begin(user, bench) },
  resetDone: { outcome: 'ok', call: (user, bench) => anyReset(bench)?.begin(user, bench) },
  close: { outcome: 'ok', call: (user) => user.close() },
}

/** A member that is made to fail. */
interface Failing extends DriverMember {
  readonly owner: MemberOwner
  readonly what: string
}

function membersOf(context: RuleContext): Failing[] {
  const bench = context.bench()
  const { observed } = bench
  const driver = observed instanceof ObservedVariantDriver ? observed : {}
  return [
    ...context.regions.flatMap((each) => regionMembers(each, anyReset(bench) !== undefined)),
    ...driverMembers(context.variant, driver, bench).map((member) => ({
      ...member,
      owner: 'driver' as const,
      what: member.name,
    })),
  ]
}

function regionMembers(each: SurveyedRegion, canReset: boolean): Failing[] {
  const names = (Object.keys(PROVOCATIONS) as RegionMember[]).filter(
    (name) => each.region[name] !== undefined && (canReset || !name.startsWith('reset')),
  )
  return names.map((name) => {
    const { outcome, call } = PROVOCATIONS[name]
    // There is no access to fail where pages come with the mapping: the mapping fails.
    const isEarly = name === 'fault' && isPrefaulted(each.region)
    return {
      name,
      owner: each.position,
      what: `${name} of region ${each.index}`,
      outcome: isEarly ? 'EINVAL' : outcome,
      call: (user, bench) => call(user, bench, each),
      ...(name === 'close' && { isLast: true }),
    }
  })
}

/** What a member can do wrong, by member; undefined where it is none of this kind. */
type Misdeed = (member: string, owner: MemberOwner) => (() => unknown) | undefined

const throwing: Misdeed = (member) => () => {
  throw new Error(`planted in ${member}`)
}

/** Members answer at once, and within what the types say. */
const nonsense: Misdeed = (member) => () => NONSENSE[member] ?? Promise.resolve()

const NONSENSE: Readonly<Record<string, unknown>> = {
  // No page begins there, of whatever backs it.
  fault: { bar: 0, memory: new Uint8Array(1), physical: 1n, offset: 1 },
  capabilities: [{ id: 0x1_0000, version: 1, body: new Uint8Array(0) }],
}

const endless: Misdeed = (member, owner) =>
  owner === 'driver' || (member !== 'read' && member !== 'write')
    ? undefined
    : function* () {
        for (;;) yield* effect('for ever', [undefined], () => undefined)
      }

/** Members that fail are compared with the same ones that do not. */
const USED_MEMBERS: readonly RuleId[] = [
  'map-pages',
  'map-keeps-open',
  'reset-any-time',
  'reset-paired',
  'feature-probe',
  'migration-ways',
  'log-again',
]

/** @param needs - Beside what every rule about members builds on. */
function contained(misdeed: Misdeed, needs: readonly RuleId[]): RegionCheck {
  return {
    needs: [...USED_MEMBERS, ...needs],
    check(context) {
      for (const member of membersOf(context)) {
        const instead = misdeed(member.name, member.owner)
        if (instead !== undefined) checkMember(context, member, instead)
      }
    },
  }
}

function checkMember(context: RuleContext, failing: Failing, instead: () => unknown): void {
  const { bench, user } = context.opened()
  const { name, owner, what, outcome, isLast, call } = failing
  const use = () => outcomeOf(() => call(user, bench))
  const usual = isLast === true ? undefined : use()
  const known = bench.failures.length
  bench.observed.sabotage = { owner, member: name, instead }
  demandSame(`${what}, which fails`, use(), outcome)
  bench.observed.sabotage = undefined
  const told = bench.failures.slice(known).map((failure) => `${failure.plugin} ${failure.member}`)
  demandSame(`failures told of ${what}`, told, [`${context.name} ${name}`])
  demandUsable(bench, name === 'close' ? bench.open() : user, what)
  if (usual !== undefined) demandSame(`${what} afterwards`, use(), usual)
}

function touch(user: DeviceUser, each: SurveyedRegion): void {
  const [part] = mappableParts(each)
  if (part === undefined) return
  const mapping = user.map(part)
  try {
    user.load(mapping, 0)
  } finally {
    user.munmap(mapping)
  }
}

const openContained: RegionCheck = {
  check(context) {
    const bench = context.bench()
    bench.observed.sabotage = 'open'
    const user = bench.open()
    demandSame('regions', user.regionCount(), PCI_REGION.FIRST_DEVICE_SPECIFIC)
    demandUsable(bench, user, 'open')
    user.close()
    bench.observed.sabotage = undefined
    bench.open()
    const indexes = bench.observed.regions.map(({ index }) => index)
    demandSame(
      'regions of the next open',
      indexes,
      context.regions.map(({ index }) => index),
    )
  },
}

function demandUsable(bench: PluginBench, user: DeviceUser, after: string): void {
  const { vendorId } = cardOf(bench)
  const id = Uint8Array.of(vendorId & 0xff, vendorId >> 8)
  demandSame(`vendor id after ${after} failed`, user.read(PCI_REGION.CONFIG, 0, 2), id)
  const reset = anyReset(bench)
  const outcome = outcomeOf(() => reset?.begin(user, bench))
  demandSame(`a reset after ${after} failed`, outcome, 'ok')
  demandSame(`locks held after ${after} failed`, bench.core.locks.busy().length, 0)
}

/** By id, in the order in which they are asked. */
export const CONTAINMENT_CHECKS: ChecksNamed<'throw'> = {
  'throw-member': contained(throwing, []),
  'throw-nonsense': contained(nonsense, ['throw-member']),
  'throw-endless': contained(endless, ['throw-member']),
  'throw-open': openContained,
}
