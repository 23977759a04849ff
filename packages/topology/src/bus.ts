/** Bus: the functions that share one bus number, and what leads to them. */
import type { Bdf } from './bdf.ts'
import type { PciFunction } from './pci-function.ts'

export interface Bus {
  readonly domain: number
  readonly number: number
  /**
   * `root`: below a host bridge, or claimed by nobody; `secondary`: a bridge's own; `virtual`: inside a bridge's
   * range without a bridge of its own, as SR-IOV makes them for virtual functions.
   */
  readonly kind: 'root' | 'secondary' | 'virtual'
  /** The bridge whose secondary bus this is; undefined for a root bus and for a virtual bus. */
  readonly bridge: Bdf | undefined
  /** The bridge above the functions: as `bridge`, and for a virtual bus the one whose range holds it. */
  readonly parent: Bdf | undefined
  /** In BDF order; may be empty. */
  readonly functions: readonly PciFunction[]
}
