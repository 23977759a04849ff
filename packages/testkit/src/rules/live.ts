/** Rules about whole hosts: a provider is used from open to close under each kernel and every strategy. */
import { KERNEL_VERSIONS, type KernelVersion, PCI_REGION } from '@vfiokit/vfio-core'
import { demandSame, outcomeOf } from '../demand.ts'
import type { DeviceUser, UserMapping } from '../device-user.ts'
import { DISTURBANCES, type DisturbanceName } from '../disturbance.ts'
import { strategiesOf } from '../fixture-host.ts'
import type { ProviderBench } from '../provider-bench.ts'
import type { ChecksNamed, RegionCheck, RuleContext, SurveyedRegion } from '../region-check.ts'
import { answers } from './answers.ts'
import { leftBehind, NOTHING_LEFT } from './left-behind.ts'

function liveUnder(kernel: KernelVersion): RegionCheck {
  return {
    needs: ['info-capabilities', 'map-pages', 'reset-any-time', 'reset-paired', 'map-keeps-open'],
    check(context) {
      const hasNothing = context.fixture.nothingUnder?.includes(kernel) === true
      const { user } = context.opened()
      const expected = { info: infoOf(context, user), answers: answers(context.regions, user) }
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

function useNothing(bench: ProviderBench, where: string): void {
  const user = bench.open()
  demandSame(
    `regions ${where}, where the fixture says none`,
    user.regionCount() - PCI_REGION.FIRST_DEVICE_SPECIFIC,
    0,
  )
  user.hotReset()
  user.close()
}

function useEverything(
  context: RuleContext,
  bench: ProviderBench,
  where: string,
  expected: { readonly info: unknown; readonly answers: readonly string[] },
): void {
  const { regions, mappable } = context
  const owner = bench.open('vm0')
  demandSame(`number of regions ${where}`, owner.regionCount(), countOf(regions))
  demandSame(`region info ${where}`, infoOf(context, owner), expected.info)
  const users = [owner, bench.share(owner, 'vm1')]
  for (const user of users)
    demandSame(
      `what ${user.process.id} is answered ${where}`,
      answers(regions, user).join('; '),
      expected.answers.join('; '),
    )
  const mapped = users.flatMap((user) =>
    mappable.map(({ index, region }) => ({ user, index, mapping: user.mmap(index, 0, region.sizeBytes) })),
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
  for (const { user, mapping } of mapped) user.munmap(mapping)
  for (const user of users) user.close()
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

/** The last region is the provider's: how many there are. */
function countOf(regions: readonly SurveyedRegion[]): number {
  return regions.at(-1)!.index + 1
}

function infoOf({ regions }: RuleContext, user: DeviceUser): unknown {
  return regions.map(({ index }) => user.regionInfo(index))
}

/** By id, in the order in which they are asked. */
export const LIVE_CHECKS: ChecksNamed<'live'> = Object.fromEntries(
  KERNEL_VERSIONS.map((kernel) => [`live-${kernel}`, liveUnder(kernel)]),
) as Record<`live-${KernelVersion}`, RegionCheck>
