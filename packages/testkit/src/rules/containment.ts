/** Rules about a member that fails: the caller gets an errno, and the device stays usable. */
import { effect } from '@vfiokit/locking'
import { PCI_REGION } from '@vfiokit/vfio-core'
import { demandSame, outcomeOf } from '../demand.ts'
import type { DeviceUser } from '../device-user.ts'
import type { RegionMember } from '../observed-provider.ts'
import { cardOf, type ProviderBench } from '../provider-bench.ts'
import {
  type ChecksNamed,
  isPrefaulted,
  type RegionCheck,
  type RuleContext,
  type SurveyedRegion,
} from '../region-check.ts'
import type { RegionRuleId } from '../region-rules.ts'

/** How each member is reached, and what the caller gets when it throws. */
const PROVOCATIONS: Readonly<
  Record<
    RegionMember,
    { readonly outcome: string; readonly call: (user: DeviceUser, at: SurveyedRegion) => void }
  >
> = {
  read: { outcome: 'EIO', call: (user, { index }) => void user.read(index, 0, 1) },
  write: { outcome: 'EIO', call: (user, { index }) => void user.write(index, 0, new Uint8Array(1)) },
  fault: { outcome: 'SIGBUS', call: touch },
  capabilities: { outcome: 'EIO', call: (user, { index }) => void user.regionInfo(index) },
  resetPrepare: { outcome: 'ok', call: (user) => user.hotReset() },
  resetDone: { outcome: 'ok', call: (user) => user.hotReset() },
  close: { outcome: 'ok', call: (user) => user.close() },
}

/** What a member can do wrong, by member; undefined where it is none of this kind. */
type Misdeed = (member: RegionMember) => (() => unknown) | undefined

const throwing: Misdeed = (member) => () => {
  throw new Error(`planted in ${member}`)
}

/** Members answer at once, and within what the types say. */
const nonsense: Misdeed = (member) => () => NONSENSE[member] ?? Promise.resolve()

const NONSENSE: Partial<Record<RegionMember, unknown>> = {
  // No page begins there, of whatever backs it.
  fault: { bar: 0, memory: new Uint8Array(1), physical: 1n, offset: 1 },
  capabilities: [{ id: 0x1_0000, version: 1, body: new Uint8Array(0) }],
}

const endless: Misdeed = (member) =>
  member !== 'read' && member !== 'write'
    ? undefined
    : function* () {
        for (;;) yield* effect('for ever', [undefined], () => undefined)
      }

/** @param needs - Beside what every rule about members builds on. */
function contained(misdeed: Misdeed, needs: readonly RegionRuleId[]): RegionCheck {
  return {
    needs: ['map-pages', 'map-keeps-open', 'reset-any-time', 'reset-paired', ...needs],
    check(context) {
      for (const each of context.regions)
        for (const member of Object.keys(PROVOCATIONS) as RegionMember[]) {
          const instead = each.region[member] === undefined ? undefined : misdeed(member)
          if (instead !== undefined) checkMember(context, each, member, instead)
        }
    },
  }
}

function checkMember(
  context: RuleContext,
  each: SurveyedRegion,
  member: RegionMember,
  instead: () => unknown,
): void {
  const { bench, user } = context.opened()
  const { outcome, call } = PROVOCATIONS[member]
  const what = `${member} of region ${each.index}`
  const usual = member === 'close' ? undefined : outcomeOf(() => call(user, each))
  const known = bench.failures.length
  bench.observed.sabotage = { region: each.position, member, instead }
  demandSame(
    `${what}, which fails`,
    outcomeOf(() => call(user, each)),
    // There is no access to fail where pages come with the mapping: the mapping fails.
    member === 'fault' && isPrefaulted(each.region) ? 'EINVAL' : outcome,
  )
  bench.observed.sabotage = undefined
  const told = bench.failures.slice(known).map((failure) => `${failure.plugin} ${failure.member}`)
  demandSame(`failures told of ${what}`, told, [`${context.provider.name} ${member}`])
  const again = member === 'close' ? bench.open() : user
  demandUsable(bench, again, what)
  if (usual !== undefined)
    demandSame(
      `${what} afterwards`,
      outcomeOf(() => call(user, each)),
      usual,
    )
}

function touch(user: DeviceUser, { index, region }: SurveyedRegion): void {
  const mapping = user.mmap(index, 0, region.sizeBytes)
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
    const regions = bench.open().regionCount() - PCI_REGION.FIRST_DEVICE_SPECIFIC
    demandSame('regions of the next open', regions, context.regions.length)
  },
}

function demandUsable(bench: ProviderBench, user: DeviceUser, after: string): void {
  const { vendorId } = cardOf(bench)
  const id = Uint8Array.of(vendorId & 0xff, vendorId >> 8)
  demandSame(`vendor id after ${after} failed`, user.read(PCI_REGION.CONFIG, 0, 2), id)
  demandSame(
    `a hot reset after ${after} failed`,
    outcomeOf(() => user.hotReset()),
    'ok',
  )
  demandSame(`locks held after ${after} failed`, bench.core.locks.busy().length, 0)
}

/** By id, in the order in which they are asked. */
export const CONTAINMENT_CHECKS: ChecksNamed<'throw'> = {
  'throw-member': contained(throwing, []),
  'throw-nonsense': contained(nonsense, ['throw-member']),
  'throw-endless': contained(endless, ['throw-member']),
  'throw-open': openContained,
}
