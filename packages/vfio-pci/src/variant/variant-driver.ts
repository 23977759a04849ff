/**
 * What a vendor writes for a device that vfio-pci alone does not do justice: a driver beside it that takes
 * over single hooks. Kernel: a variant driver, with `vfio_device_ops`, `vfio_migration_ops`, `vfio_log_ops`
 * and `pci_error_handlers` of its own.
 */
import type { BarIndex, PciFunction } from '@vfiokit/topology'
import type { Answer, Region, RegionBody } from '../region/region.ts'
import type { RegionHost } from '../region/region-host.ts'
import type { VariantDmaLog } from './variant-dma-log.ts'
import type { VariantFeature } from './variant-feature.ts'
import type { VariantMigration } from './variant-migration.ts'

/** The register of a BAR that the function does not have. */
export interface BarRegister {
  readonly kind: 'io' | 'memory'
  /** In bits. A 64-bit BAR takes the next register too. */
  readonly width: 32 | 64
  readonly prefetchable: boolean
  /** What sizing it answers: a power of two. */
  readonly sizeBytes: number
}

/** A BAR of the function of which users get the beginning only. */
export interface BarCut {
  readonly visibleBytes: number
}

/**
 * A BAR that the plugin answers for. Whatever backs its pages, they go with the memory of the device: no page
 * of a BAR can be reached while memory is off. `read` and `write` are asked at any time.
 */
export type BarReplacement = RegionBody & {
  /** What users find in configuration space; absent: what is there. */
  readonly register?: BarRegister
}

/** What happens to one BAR. */
export type BarOverride = BarCut | BarReplacement

/** What a variant driver does for one open device. What is absent is done as by vfio-pci. */
export interface Variant {
  /** Device-specific regions, from index 9 on, before those of providers. */
  readonly regions?: readonly Region[]
  readonly bars?: Readonly<Partial<Record<BarIndex, BarOverride>>>
  /** Features by their index in linux/vfio.h. They come before those of vfio-pci. */
  readonly features?: ReadonlyMap<number, VariantFeature>
  /** False: a driver without `device_feature`. Migration and logging stay. */
  readonly coreFeatures?: false
  readonly migration?: VariantMigration
  readonly dmaLog?: VariantDmaLog
  /** Asked before vfio-pci does an ioctl; an errno refuses it. */
  ioctl?(request: number): Answer
  /** The host wants the device back, for the `times`-th time. */
  request?(times: number): void
  /** The host was told of an error of the device, before its users are. Kernel: `error_detected`. */
  errorDetected?(): void
  /** As the member of a region. */
  resetPrepare?(): void
  /** As the member of a region. */
  resetDone?(): void
  /** As the member of a region. */
  close?(): void
}

/** A driver beside vfio-pci. One function has at most one: the first that matches. */
export interface VariantDriver {
  readonly name: string
  /** Pure: decides from identity alone. */
  matches(fn: PciFunction): boolean
  /** Whether somebody who shows this token, or none, may open the device; after vfio-pci has said yes. */
  match?(fn: PciFunction, token: string | undefined): Answer
  /** Called once per opened device. Throwing leaves it open as a plain vfio-pci device. */
  open(host: RegionHost): Variant
}
