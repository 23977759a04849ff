/**
 * A region as a vendor writes it.
 *
 * A member that is present is a capability; one that is absent is refused before the plugin is asked.
 * Kernel developers know the members: `vfio_pci_regops` {rw, release, mmap, add_capability}.
 */
import type { Operation, VfioErrno } from '@vfiokit/locking'
import type { BarIndex } from '@vfiokit/topology'
import type { InfoCapability, Protection } from '@vfiokit/vfio-core'

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

/** A page of memory that the plugin keeps: it stays mapped whatever happens to the device. */
export interface MemoryPage {
  readonly memory: Uint8Array
  /** In the memory, in bytes; a whole page must follow. */
  readonly offset: number
}

/** A page of the host's memory: as {@link MemoryPage}, but what firmware or other software sees too. */
export interface PhysicalPage {
  /** Physical address of the page; a multiple of the page size. */
  readonly physical: bigint
}

/** A page of a region, whatever backs it. */
export type RegionPage = BarPage | MemoryPage | PhysicalPage

/** What a mapping asks for. */
export interface MapPlace {
  /** In the region, in bytes; a multiple of the page size. */
  readonly offset: number
  /** Whole pages. */
  readonly lengthBytes: number
  readonly protection: Protection
}

/** A part of a region. */
export interface RegionArea {
  readonly offset: number
  readonly sizeBytes: number
}

/** What a member answers: nothing when it did what it was asked, or the errno that the caller gets. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function without return is the usual one
export type Answer = void | VfioErrno

/**
 * The same of a member that may take several steps: an Operation (a generator of `effect`, `label`,
 * `progress` and `assert`), between whose steps other tasks run. It is stopped after 10,000 steps, and the
 * caller gets EIO.
 */
export type AccessAnswer = Answer | Operation<Answer>

/** What every region has. Members in the order of its life. */
export interface RegionBase {
  readonly sizeBytes: number
  /**
   * Fills `out` from `offset`; both lie inside the region. No lock is held, and calls of several
   * processes follow each other in any order.
   */
  read?(offset: number, out: Uint8Array): AccessAnswer
  /** Takes bytes at `offset`; they lie inside the region. */
  write?(offset: number, data: Uint8Array): AccessAnswer
  /** Capabilities of region info, behind the TYPE and SPARSE_MMAP that the core adds itself. */
  capabilities?(): readonly InfoCapability[]
  /** A reset begins: every BAR-backed mapping is gone and nobody can fault. The memory lock is held. */
  resetPrepare?(): void
  /** The device is back. No lock may be assumed: resets that vfio did not start end here too. */
  resetDone?(): void
  /** The device is closed: after the last munmap, not at close(fd). Called once. */
  close?(): void
}

/** A region that can only be read and written. */
export interface TrappedBody extends RegionBase {
  readonly backing?: undefined
  readonly fault?: undefined
  readonly mmap?: undefined
}

/** What every region has that can be mapped. */
export interface MappableRegion extends RegionBase {
  /**
   * Decides whether a mapping may be: an errno refuses it. With it the core no longer looks at the length,
   * as in Linux: pages that are not there are noticed when they fault. Called under the mmap lock of the
   * process. Absent: what lies inside the region may be mapped.
   */
  mmap?(place: MapPlace): Answer
  /** What of it can be mapped, where that is not all; users are told (SPARSE_MMAP). */
  readonly sparse?: readonly RegionArea[]
}

/** A region whose pages are pages of a BAR. */
export interface BarBackedBody extends MappableRegion {
  readonly backing: 'bar'
  /**
   * The page at `offset`, a multiple of the page size; undefined means SIGBUS, and so does throwing. Called
   * inside the read side of the device's memory lock, after memory was found to be on.
   */
  fault(offset: number): BarPage | undefined
}

/** What every region has whose pages are not the device's. */
export interface UntiedRegion extends MappableRegion {
  /** Pages come with the mapping, not with their first touch. Kernel: `remap_pfn_range`. */
  readonly prefault?: boolean
}

/** A region whose pages are memory of the plugin. */
export interface MemoryBackedBody extends UntiedRegion {
  readonly backing: 'memory'
  /** As {@link BarBackedBody.fault}, under the mmap lock of the faulting process only. */
  fault(offset: number): MemoryPage | undefined
}

/** A region whose pages are memory of the host, by physical address. */
export interface PhysicallyBackedBody extends UntiedRegion {
  readonly backing: 'physical'
  /** As {@link MemoryBackedBody.fault}. */
  fault(offset: number): PhysicalPage | undefined
}

/** What a region does. With `fault` it is mappable, and must say what backs its pages. */
export type RegionBody = TrappedBody | BarBackedBody | MemoryBackedBody | PhysicallyBackedBody

/** What kind of region it is: said by regions that are no BARs. */
export interface OfKind {
  readonly kind: RegionKind
}

/** A device-specific region that can only be read and written. */
export type TrappedRegion = TrappedBody & OfKind
/** A device-specific region whose pages are pages of a BAR. */
export type BarBackedRegion = BarBackedBody & OfKind
/** A device-specific region whose pages are memory of the plugin. */
export type MemoryBackedRegion = MemoryBackedBody & OfKind
/** A device-specific region whose pages are memory of the host. */
export type PhysicallyBackedRegion = PhysicallyBackedBody & OfKind

/** A device-specific region. */
export type Region = TrappedRegion | BarBackedRegion | MemoryBackedRegion | PhysicallyBackedRegion
