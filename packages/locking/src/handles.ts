/**
 * What locking may see of processes, mappings and devices: an identity and a few verbs.
 *
 * The engine's own classes implement these; an explorer implements them with bits. Nothing here knows
 * what a BAR is, except that some pages follow the memory-enable bit and others do not.
 */
import type { RwSemaphore } from './rw-semaphore.ts'

/** Pages `first..last` of an address space, both included. */
export interface PageRange {
  readonly first: number
  readonly last: number
}

/** All mappings of one file or device, keyed by page offset. Kernel: `struct address_space`. */
export interface AddressSpaceHandle {
  readonly id: string
  /** Takes the pages of a range out of every mapping; the mappings stay. Kernel: `unmap_mapping_range`. */
  unmapMappingRange(range: PageRange): number
  /** How many pages of a range are present. */
  presentPages(range: PageRange): number
}

/** A process, as far as locks go: its memory map has a lock. Kernel: `struct mm_struct`. */
export interface ProcessHandle {
  readonly id: string
  /** A page fault holds it for reading; mmap, munmap and fork hold it for writing. */
  readonly mmapLock: RwSemaphore
}

/** One mapping of a device in one process. Kernel: `struct vm_area_struct`. */
export interface MappingHandle {
  readonly id: string
  readonly device: DeviceHandle
  readonly process: ProcessHandle
  /** Whether its pages come and go with the memory of the device. */
  readonly followsMemory: boolean
  /** Whether the zap path of an address space would find it. */
  readonly isLinked: boolean
  has(page: number): boolean
  /** Maps one page, or every page; a page that is mapped already stays. */
  insert(page: number | 'all', frame?: unknown): void
  /** Takes every page away and answers how many there were. */
  zap(): number
  /** How many pages are mapped. */
  readonly presentPages: number
  /** Whether a mapped page shows the place of the device that its offset names (I5). */
  showsExpectedFrame(page: number): boolean
}

/** A device, as far as locks go. */
export interface DeviceHandle {
  readonly id: string
  readonly addressSpace: AddressSpaceHandle
  /** What has to go when the memory of the device goes. Strategies zap these, never a constant. */
  readonly zapRanges: readonly PageRange[]
  readonly mappings: Iterable<MappingHandle>
}
