/**
 * What a vendor writes to add regions to a device: match by identity, open to regions.
 *
 * A member that is present is a capability; one that is absent is refused before the plugin is asked.
 * Kernel developers know the members: `vfio_pci_regops` {rw, release, mmap, add_capability}.
 */
import type { Operation } from '@vfiokit/locking'
import type { BarIndex, PciFunction } from '@vfiokit/topology'
import type { InfoCapability } from '@vfiokit/vfio-core'

/** The interface version that a plugin was written for. */
export const REGION_PROVIDER_API = 1

/** What kind of region it is: a vendor's own, or one of the global types of linux/vfio.h. */
export type RegionKind =
  | { readonly vendor: number; readonly subtype: number }
  | { readonly global: number; readonly subtype: number }

/** A page of a BAR: it goes with the memory bit, with D3hot and with resets. */
export interface BarPage {
  readonly bar: BarIndex
  /** In the BAR, in bytes; a multiple of the page size. */
  readonly offset: number
}

/** A page of ordinary memory: it stays mapped whatever happens to the device. */
export interface MemoryPage {
  readonly memory: Uint8Array
  /** In the memory, in bytes; a whole page must follow. */
  readonly offset: number
}

/** What every region has. Members in the order of its life. */
export interface RegionBase {
  readonly kind: RegionKind
  readonly sizeBytes: number
  /**
   * Fills `out` from `offset`; both lie inside the region. No lock is held, and calls of several
   * processes follow each other in any order.
   *
   * An Operation (a generator of `effect`, `label`, `progress` and `assert`) takes several steps, between
   * which other tasks run. It is stopped after 10,000 steps, and the caller gets EIO.
   */
  read?(offset: number, out: Uint8Array): void | Operation<void>
  /** Takes bytes at `offset`; they lie inside the region. An Operation as for `read`. */
  write?(offset: number, data: Uint8Array): void | Operation<void>
  /** Capabilities of region info, behind the TYPE that the core adds itself. */
  capabilities?(): readonly InfoCapability[]
  /** A reset begins: every BAR-backed mapping is gone and nobody can fault. The memory lock is held. */
  resetPrepare?(): void
  /** The device is back. No lock may be assumed: resets that vfio did not start end here too. */
  resetDone?(): void
  /** The device is closed: after the last munmap, not at close(fd). Called once. */
  close?(): void
}

/** A region that can only be read and written. */
export interface TrappedRegion extends RegionBase {
  readonly backing?: undefined
  readonly fault?: undefined
}

/** A region whose pages are pages of a BAR. */
export interface BarBackedRegion extends RegionBase {
  readonly backing: 'bar'
  /**
   * The page at `offset`, a multiple of the page size. Called inside the read side of the device's
   * memory lock, after memory was found to be on. Throwing means SIGBUS.
   */
  fault(offset: number): BarPage
}

/** A region whose pages are ordinary memory. */
export interface MemoryBackedRegion extends RegionBase {
  readonly backing: 'memory'
  /** The page at `offset`. Called under the mmap lock of the faulting process only. */
  fault(offset: number): MemoryPage
}

/** A region with `fault` is mappable and must say what backs its pages. */
export type Region = TrappedRegion | BarBackedRegion | MemoryBackedRegion

/** A BAR, as a region may use it. */
export interface RegionBar {
  readonly sizeBytes: number
  /** One access of `out.length` bytes (1, 2, 4 or 8). All ones while the device does not answer. */
  read(offset: number, out: Uint8Array): void
  write(offset: number, data: Uint8Array): void
}

/** What a provider is opened with: one function, opened for the first time. */
export interface RegionHost {
  readonly function: PciFunction
  /** @throws RangeError when the function has no such memory BAR. */
  bar(index: BarIndex): RegionBar
}

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
