/** Rules about whole hosts: a provider is used from open to close under each kernel and every strategy. */
import { KERNEL_VERSIONS, type KernelVersion, PCI_REGION } from '@vfiokit/vfio-core'
import { demandSame, outcomeOf } from '../demand.ts'
import type { DeviceUser, UserMapping } from '../device-user.ts'
import { anyReset, DISTURBANCES, type DisturbanceName } from '../disturbance.ts'
import { strategiesOf } from '../fixture-host.ts'
import type { PluginBench } from '../plugin-bench.ts'
import { type ChecksNamed, isBar, type RegionCheck, type RuleContext } from '../region-check.ts'
import { featuresOf, useDriver } from '../variant/driver-use.ts'
import { answers } from './answers.ts'
import { leftBehind, NOTHING_LEFT } from './left-behind.ts'

function liveUnder(kernel: KernelVersion): RegionCheck {
  return {
    needs: [
      ...(['info-capabilities', 'map-pages', 'reset-any-time', 'reset-paired', 'map-keeps-open'] as const),
      ...(['feature-again', 'migration-carries', 'log-again'] as const),
    ],
    check(context) {
      const hasNothing = context.fixture.nothingUnder?.includes(kernel) === true
      const { user } = context.opened()
      const expected: Expected = {
        info: infoOf(context, user),
        answers: answers(context.regions, user),
        features: featuresOf(context.variant, user),
      }
      for (const strategy of strategiesOf(context.fixture)) {
        const bench = context.bench({ kernel, strategy })
        const where = `under ${kernel} and ${strategy.name}`
        if (hasNothing) useNothing(bench, where)
        else useEverything(context, bench, where, expected)
        demandSame(`what is left ${where}`, leftBehind(bench), NOTHING_LEFT)
        bench.demandNoFailure()
      }
    },
  }
}

function useNothing(bench: PluginBench, where: string): void {
  const user = bench.open()
  demandSame(
    `regions ${where}, where the fixture says none`,
    user.regionCount() - PCI_REGION.FIRST_DEVICE_SPECIFIC,
    0,
  )
  anyReset(bench)?.begin(user, bench)
  user.close()
}

function useEverything(context: RuleContext, bench: PluginBench, where: string, expected: Expected): void {
  const { regions, sampled } = context
  const owner = bench.open('vm0')
  demandSame(`number of regions ${where}`, owner.regionCount(), countOf(context))
  demandSame(`region info ${where}`, infoOf(context, owner), expected.info)
  demandSame(`features ${where}`, featuresOf(context.variant, owner), expected.features)
  const users = [owner, bench.share(owner, 'vm1')]
  for (const user of users)
    demandSame(
      `what ${user.process.id} is answered ${where}`,
      answers(regions, user).join('; '),
      expected.answers.join('; '),
    )
  const mapped = users.flatMap((user) =>
    sampled.map((part) => ({ user, index: part.index, mapping: user.map(part) })),
  )
  demandTouched(mapped, where)
  for (const [name, disturbance] of Object.entries(DISTURBANCES) as [DisturbanceName, Disturbed][]) {
    if (!disturbance.possible(bench)) continue
    disturbance.begin(owner, bench)
    disturbance.end?.(owner, bench)
    demandTouched(mapped, `after ${name} ${where}`)
  }
  demandSame(
    `what is answered in the end ${where}`,
    answers(regions, owner).join('; '),
    expected.answers.join('; '),
  )
  useDriver(context.variant, bench, owner, where)
  for (const { user, mapping } of mapped) user.munmap(mapping)
  for (const user of users) user.close()
}

/** What is the same under every kernel and strategy. */
interface Expected {
  readonly info: unknown
  readonly answers: readonly string[]
  readonly features: unknown
}

type Disturbed = (typeof DISTURBANCES)[DisturbanceName]

interface Mapped {
  readonly user: DeviceUser
  readonly index: number
  readonly mapping: UserMapping
}

function demandTouched(mapped: readonly Mapped[], when: string): void {
  for (const { user, index, mapping } of mapped)
    demandSame(
      `a touch of region ${index} by ${user.process.id} ${when}`,
      outcomeOf(() => user.load(mapping, 0)),
      'ok',
    )
}

function countOf({ regions }: RuleContext): number {
  return PCI_REGION.FIRST_DEVICE_SPECIFIC + regions.filter((each) => !isBar(each)).length
}

function infoOf({ regions }: RuleContext, user: DeviceUser): unknown {
  return regions.map(({ index }) => user.regionInfo(index))
}

/** By id, in the order in which they are asked. */
export const LIVE_CHECKS: ChecksNamed<'live'> = Object.fromEntries(
  KERNEL_VERSIONS.map((kernel) => [`live-${kernel}`, liveUnder(kernel)]),
) as Record<`live-${KernelVersion}`, RegionCheck>
