/** A variant driver with somebody who watches it. */
import type { BarIndex, PciFunction } from '@vfiokit/topology'
import { PCI_REGION } from '@vfiokit/vfio-core'
import {
  type Answer,
  type BarOverride,
  type Region,
  type RegionHost,
  type Variant,
  type VariantDriver,
  type VariantMigration,
  variantDefect,
} from '@vfiokit/vfio-pci'
import { ObservedPlugin, type SurveyedRegion } from './observed-plugin.ts'

/** @see ObservedPlugin */
export class ObservedVariantDriver extends ObservedPlugin implements VariantDriver {
  readonly name: string
  readonly registration: ObservedPlugin['registration'] = { variantDrivers: [this] }
  declare readonly match?: NonNullable<VariantDriver['match']>
  /** What the latest open answered, as the driver made it. */
  variant: Variant = {}

  constructor(readonly driver: VariantDriver) {
    super()
    this.name = driver.name
    if (driver.match !== undefined)
      this.match = (fn, token) => this.asked('driver', 'match', [], () => driver.match!(fn, token)) as Answer
  }

  matches(fn: PciFunction): boolean {
    return this.driver.matches(fn)
  }

  open(host: RegionHost): Variant {
    this.beginOpen()
    const variant = this.driver.open(host)
    // The core says what is wrong with it.
    if (variant instanceof Promise || variantDefect(variant) !== undefined) return variant
    this.variant = variant
    this.regions = surveyed(variant)
    return this.observed(variant, { owner: 'driver', parts: this.#parts(variant) })
  }

  #parts({ regions, bars, features, migration, dmaLog }: Variant): Variant {
    const ofRegions = this.regions.map(({ position, region }) => this.observed(region, { owner: position }))
    const places = this.regions.map(({ index }) => index)
    return {
      ...(regions && { regions: regions.map((_, at) => ofRegions[at] as Region) }),
      ...(bars && {
        bars: mapped(bars, (bar, index) => {
          const at = places.indexOf(index)
          return at === -1 ? bar : ofRegions[at]!
        }),
      }),
      ...(features && {
        features: new Map(
          [...features].map(([index, feature]) => [
            index,
            this.observed(feature, { owner: 'driver', nameOf: (member) => `feature ${index} ${member}` }),
          ]),
        ),
      }),
      ...(migration && { migration: this.#migration(migration) }),
      ...(dmaLog && {
        dmaLog: this.observed(dmaLog, { owner: 'driver', nameOf: (member) => `DMA log ${member}` }),
      }),
    }
  }

  #migration(migration: VariantMigration): VariantMigration {
    const nameOf = (member: string) => `migration data ${member}`
    return this.observed(migration, {
      owner: 'driver',
      nameOf: (member) => `migration ${member}`,
      // What begins here is asked for its data later.
      seen: (answer) =>
        typeof answer === 'object' && answer !== null && ('read' in answer || 'write' in answer)
          ? this.observed(answer, { owner: 'driver', nameOf })
          : answer,
    })
  }
}

type Bars = NonNullable<Variant['bars']>

/** Regions come first, then what stands in the place of BARs. */
function surveyed({ regions = [], bars = {} }: Variant): SurveyedRegion[] {
  const first = PCI_REGION.FIRST_DEVICE_SPECIFIC
  const ofBars = entries(bars).flatMap(([index, bar]) =>
    'visibleBytes' in bar ? [] : [{ index, region: bar }],
  )
  return [...regions.map((region, at) => ({ index: first + at, region })), ...ofBars].map(
    (each, position) => ({
      position,
      ...each,
    }),
  )
}

function mapped(bars: Bars, change: (bar: BarOverride, index: BarIndex) => BarOverride): Bars {
  return Object.fromEntries(entries(bars).map(([index, bar]) => [index, change(bar, index)]))
}

function entries(bars: Bars): [BarIndex, BarOverride][] {
  return Object.entries(bars).map(([index, bar]) => [Number(index) as BarIndex, bar])
}
