/** How a rule is checked, and what a check gets to see. */
import { type KernelVersion, PCI_REGION } from '@vfiokit/vfio-core'
import type { Region, RegionArea, RegionBody, Variant } from '@vfiokit/vfio-pci'
import type { DeviceUser } from './device-user.ts'
import { kernelOf } from './fixture-host.ts'
import type { ObservedPlugin, SurveyedRegion } from './observed-plugin.ts'
import { ObservedVariantDriver } from './observed-variant-driver.ts'
import { type BenchHost, PluginBench } from './plugin-bench.ts'
import type { RegionFixture } from './region-fixture.ts'
import type { RegionRuleId } from './region-rules.ts'
import { sampledAreas } from './samples.ts'
import type { RuleId } from './variant/variant-rules.ts'

/** A region with a part of it that users may map. */
export type MappablePart = SurveyedRegion & { readonly area: RegionArea }

/** Benches for one rule, and what kinds of regions the plugin has. */
export class RuleContext {
  readonly name: string
  readonly regions: readonly SurveyedRegion[]
  /** What a variant driver opened to; empty for a provider. */
  readonly variant: Variant
  /** What is asked under unless a check chooses. */
  readonly kernel: KernelVersion
  /** What a check has measured, to be told although the rule holds. */
  measured: string | undefined

  /** @param plugged - The plugin, for one machine. */
  constructor(
    readonly plugged: () => ObservedPlugin,
    readonly fixture: RegionFixture,
  ) {
    this.kernel = kernelOf(fixture)
    const bench = this.bench()
    const { observed } = bench
    bench.open().close()
    this.name = observed.name
    const isOpen = !bench.failures.some(({ member }) => member === 'open')
    this.regions = isOpen ? observed.regions : []
    this.variant = isOpen && observed instanceof ObservedVariantDriver ? observed.variant : {}
  }

  get readable(): readonly SurveyedRegion[] {
    return this.regions.filter(({ region }) => region.read !== undefined)
  }

  get writable(): readonly SurveyedRegion[] {
    return this.regions.filter(({ region }) => region.write !== undefined)
  }

  get mappable(): readonly MappablePart[] {
    return this.regions.flatMap(mappableParts)
  }

  /** The same, of large parts only the ends. */
  get sampled(): readonly MappablePart[] {
    return this.mappable.flatMap((part) => sampledAreas(part.area).map((area) => ({ ...part, area })))
  }

  /** Mappable, and the pages go with the memory of the device. */
  get tied(): readonly MappablePart[] {
    return this.mappable.filter(isTied)
  }

  /** Mappable, and the pages stay whatever happens to the device. */
  get untied(): readonly MappablePart[] {
    return this.mappable.filter((part) => !isTied(part))
  }

  /** Mappable, and what is mapped is no BAR of the card, though it may stand in the place of one. */
  get backedByMemory(): readonly MappablePart[] {
    return this.mappable.filter(({ region }) => region.backing !== 'bar')
  }

  /** Mappable, and each page comes with its first touch. */
  get lazy(): readonly MappablePart[] {
    return this.mappable.filter(({ region }) => !isPrefaulted(region))
  }

  /** A machine of its own, nothing opened. */
  bench(host: BenchHost = {}): PluginBench {
    return new PluginBench(this.plugged(), this.fixture, { kernel: this.kernel, ...host })
  }

  /** The same with the card opened by `vm0`. */
  opened(): { readonly bench: PluginBench; readonly user: DeviceUser } {
    const bench = this.bench()
    return { bench, user: bench.open() }
  }
}

/** Every part of a region that its users may map. */
export function mappableParts(each: SurveyedRegion): MappablePart[] {
  const { region } = each
  if (region.fault === undefined) return []
  const areas = region.sparse ?? [{ offset: 0, sizeBytes: region.sizeBytes }]
  return areas.map((area) => ({ ...each, area }))
}

/** Pages of a BAR go with the memory of the device, and so does all that stands in the place of a BAR. */
function isTied(each: SurveyedRegion): boolean {
  return each.region.backing === 'bar' || isBar(each)
}

/** Whether it has no index of its own, but that of a BAR. */
export function isBar({ index }: SurveyedRegion): boolean {
  return index <= PCI_REGION.BAR5
}

/** Whether its pages come with the mapping. */
export function isPrefaulted(region: Region | RegionBody): boolean {
  return 'prefault' in region && region.prefault === true
}

/** The check of one rule. */
export interface RegionCheck {
  /** Rules without which this one would only say the same again: it is silent while one is broken. */
  readonly needs?: readonly RuleId[]
  /** Why it has nothing to say of a provider; undefined when it has. */
  readonly silent?: (context: RuleContext) => string | undefined
  /** @throws RuleBroken when it does not hold. */
  readonly check: (context: RuleContext) => void
}

/** The checks of all rules whose id begins with one of these words. */
export type ChecksNamed<Word extends string, Id extends RuleId = RegionRuleId> = Readonly<
  Record<Extract<Id, `${Word}-${string}`>, RegionCheck>
>

/** For rules about regions of some kind: silent where there is none. */
export function unlessThereAre(
  what: string,
  regions: (context: RuleContext) => readonly SurveyedRegion[],
): (context: RuleContext) => string | undefined {
  return (context) => (regions(context).length > 0 ? undefined : `there is no ${what}`)
}
