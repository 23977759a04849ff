/** How a rule is checked, and what a check gets to see. */
import type { KernelVersion } from '@vfiokit/vfio-core'
import type { Region, RegionProvider } from '@vfiokit/vfio-pci'
import type { DeviceUser } from './device-user.ts'
import { kernelOf } from './fixture-host.ts'
import { type BenchHost, ProviderBench } from './provider-bench.ts'
import type { RegionFixture } from './region-fixture.ts'
import type { RegionRuleId } from './region-rules.ts'

/** A region, as a check finds it. */
export interface SurveyedRegion {
  /** In the order of what `open` answered. */
  readonly position: number
  /** As users see it: the last ones are the provider's. */
  readonly index: number
  readonly region: Region
}

/** Benches for one rule, and what kinds of regions the provider has. */
export class RuleContext {
  readonly regions: readonly SurveyedRegion[]
  /** What is asked under unless a check chooses. */
  readonly kernel: KernelVersion
  /** What a check has measured, to be told although the rule holds. */
  measured: string | undefined

  constructor(
    readonly provider: RegionProvider,
    readonly fixture: RegionFixture,
  ) {
    this.kernel = kernelOf(fixture)
    const bench = this.bench()
    const user = bench.open()
    const isOpen = !bench.failures.some(({ member }) => member === 'open')
    const regions = isOpen ? bench.observed.regions : []
    const first = user.regionCount() - regions.length
    this.regions = regions.map((region, position) => ({ position, index: first + position, region }))
    user.close()
  }

  get readable(): readonly SurveyedRegion[] {
    return this.regions.filter(({ region }) => region.read !== undefined)
  }

  get writable(): readonly SurveyedRegion[] {
    return this.regions.filter(({ region }) => region.write !== undefined)
  }

  get mappable(): readonly SurveyedRegion[] {
    return this.regions.filter(({ region }) => region.fault !== undefined)
  }

  /** Mappable, and the pages go with the memory of the device. */
  get tied(): readonly SurveyedRegion[] {
    return this.mappable.filter(({ region }) => region.backing === 'bar')
  }

  /** Mappable, and the pages stay whatever happens to the device. */
  get untied(): readonly SurveyedRegion[] {
    return this.mappable.filter(({ region }) => region.backing !== 'bar')
  }

  /** Mappable, and each page comes with its first touch. */
  get lazy(): readonly SurveyedRegion[] {
    return this.mappable.filter(({ region }) => !isPrefaulted(region))
  }

  /** A machine of its own, nothing opened. */
  bench(host: BenchHost = {}): ProviderBench {
    return new ProviderBench(this.provider, this.fixture, { kernel: this.kernel, ...host })
  }

  /** The same with the card opened by `vm0`. */
  opened(): { readonly bench: ProviderBench; readonly user: DeviceUser } {
    const bench = this.bench()
    return { bench, user: bench.open() }
  }
}

/** Whether its pages come with the mapping. */
export function isPrefaulted(region: Region): boolean {
  return 'prefault' in region && region.prefault === true
}

/** The check of one rule. */
export interface RegionCheck {
  /** Rules without which this one would only say the same again: it is silent while one is broken. */
  readonly needs?: readonly RegionRuleId[]
  /** Why it has nothing to say of a provider; undefined when it has. */
  readonly silent?: (context: RuleContext) => string | undefined
  /** @throws RuleBroken when it does not hold. */
  readonly check: (context: RuleContext) => void
}

/** The checks of all rules whose id begins with one of these words. */
export type ChecksNamed<Word extends string> = Readonly<
  Record<Extract<RegionRuleId, `${Word}-${string}`>, RegionCheck>
>

/** For rules about regions of some kind: silent where there is none. */
export function unlessThereAre(
  what: string,
  regions: (context: RuleContext) => readonly SurveyedRegion[],
): (context: RuleContext) => string | undefined {
  return (context) => (regions(context).length > 0 ? undefined : `there is no ${what}`)
}
