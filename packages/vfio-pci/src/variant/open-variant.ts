/** A variant driver of one open device: its hooks behind checks. */
import type { BarResource } from '@vfiokit/hardware'
import type { Mutex, VfioErrno } from '@vfiokit/locking'
import type { BarIndex } from '@vfiokit/topology'
import { type DeviceFeature, DeviceMigration, type DmaLoggingOps, PCI_REGION } from '@vfiokit/vfio-core'
import { PluginCalls } from '../plugin-calls.ts'
import { DeviceRegion, type RegionPlace } from '../region/device-region.ts'
import type { RegionHost } from '../region/region-host.ts'
import { synchronous } from '../region/synchronous.ts'
import { variantDefect } from './variant-defect.ts'
import { dmaLoggingOps } from './variant-dma-log.ts'
import type { BarReplacement, Variant, VariantDriver } from './variant-driver.ts'
import { deviceFeature } from './variant-feature.ts'
import { migrationSteps } from './variant-migration.ts'

/** What vfio-pci asks in place of doing it itself. */
export class OpenVariant {
  /** Device-specific regions, from index 9 on. */
  readonly regions: readonly DeviceRegion[]
  /** What stands in the place of BARs, by their index. */
  readonly bars: ReadonlyMap<number, DeviceRegion>
  /** How much users see of BARs of which they do not see all. */
  readonly cuts: ReadonlyMap<number, number>
  /** BARs that users find in configuration space besides those of the function, or in their place. */
  readonly registers: readonly BarResource[]
  readonly migration: DeviceMigration | undefined
  readonly dmaLogging: DmaLoggingOps | undefined
  readonly hasCoreFeatures: boolean
  readonly #variant: Variant
  readonly #calls: PluginCalls
  #requests = 0

  /** @param stateLock - Of the migration; it outlives the open device. */
  constructor(name: string, variant: Variant, place: RegionPlace, stateLock: Mutex) {
    this.#variant = variant
    this.#calls = new PluginCalls(name, place.hardware.bdf, place.log)
    const { regions = [], migration, dmaLog, coreFeatures = true } = variant
    this.regions = regions.map(
      (region, at) => new DeviceRegion(PCI_REGION.FIRST_DEVICE_SPECIFIC + at, name, region, place),
    )
    const replaced = replacedBars(variant)
    this.bars = new Map(replaced.map(([index, bar]) => [index, new DeviceRegion(index, name, bar, place)]))
    this.cuts = new Map(
      barsOf(variant).flatMap(([index, bar]) => ('visibleBytes' in bar ? [[index, bar.visibleBytes]] : [])),
    )
    this.registers = replaced.flatMap(([bar, { register }]) =>
      register === undefined ? [] : [{ ...register, bar, start: 0n }],
    )
    this.migration = migration && new DeviceMigration(migrationSteps(migration, this.#calls), stateLock)
    this.dmaLogging = dmaLog && dmaLoggingOps(dmaLog, this.#calls)
    this.hasCoreFeatures = coreFeatures
  }

  feature(index: number): DeviceFeature | undefined {
    const feature = this.#variant.features?.get(index)
    return feature && deviceFeature(feature, index, this.#calls)
  }

  /** Why an ioctl is refused before vfio-pci looks at it. */
  refuseIoctl(request: number): VfioErrno | undefined {
    return this.#calls.errno('ioctl', () => this.#variant.ioctl?.(request))
  }

  request(): void {
    this.#requests++
    this.#calls.tolerated('request', () => this.#variant.request?.(this.#requests))
  }

  errorDetected(): void {
    this.#calls.tolerated('errorDetected', () => this.#variant.errorDetected?.())
  }

  resetPrepare(): void {
    this.#calls.tolerated('resetPrepare', () => this.#variant.resetPrepare?.())
  }

  resetDone(): void {
    this.#calls.tolerated('resetDone', () => this.#variant.resetDone?.())
  }

  close(): void {
    this.#calls.tolerated('close', () => this.#variant.close?.())
  }
}

/** Opens a driver; one that throws, or answers nonsense, leaves the device a plain one. */
export function openVariant(
  driver: VariantDriver,
  host: RegionHost,
  place: RegionPlace,
  stateLock: Mutex,
): OpenVariant | undefined {
  const tell = (cause: unknown) =>
    place.log({ plugin: driver.name, device: place.hardware.bdf, member: 'open', cause })
  try {
    const variant = synchronous(driver.open(host))
    const defect = variantDefect(variant)
    if (defect === undefined) return new OpenVariant(driver.name, variant, place, stateLock)
    tell(new RangeError(defect))
  } catch (cause) {
    tell(cause)
  }
  return undefined
}

function barsOf({ bars = {} }: Variant) {
  return Object.entries(bars).map(([index, bar]) => [Number(index) as BarIndex, bar] as const)
}

function replacedBars(variant: Variant): (readonly [BarIndex, BarReplacement])[] {
  return barsOf(variant).flatMap(([index, bar]) => ('visibleBytes' in bar ? [] : [[index, bar] as const]))
}
