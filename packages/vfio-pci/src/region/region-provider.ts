/** What a vendor writes to add regions to a device: match by identity, open to regions. */
import type { PciFunction } from '@vfiokit/topology'
import type { Region } from './region.ts'
import type { RegionHost } from './region-host.ts'

/** The interface version that a plugin was written for. */
export const REGION_PROVIDER_API = 1

/** A source of device-specific regions. */
export interface RegionProvider {
  readonly name: string
  /** Pure: decides from identity alone, never touches the device. */
  matches(fn: PciFunction): boolean
  /**
   * Called once per opened device. The order of the result is the order of region indexes, from 9 on.
   * Throwing leaves the device open without these regions.
   */
  open(host: RegionHost): readonly Region[]
}
