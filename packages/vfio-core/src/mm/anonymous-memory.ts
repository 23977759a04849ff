/**
 * Anonymous memory of a process: what programs allocate, and what they let devices read and write.
 *
 * Its pages are there from the first touch on, so no access to them ever waits or fails. What is pinned
 * for a device is the memory itself: it stays the device's when the process unmaps it.
 */
import type { Area } from './address-map.ts'
import { MemoryFrame } from './frame.ts'
import { PAGE_SIZE_BYTES } from './page.ts'
import type { Protection } from './vma.ts'

/** What makes an area of memory. */
export interface AnonymousMemoryInit {
  readonly id: string
  /** First byte of user memory. */
  readonly start: number
  readonly pages: number
  readonly protection: Protection
  /** MAP_SHARED: a child works on the same memory, not on a copy. */
  readonly shared: boolean
  /** The memory, and where this area begins in it; new and zero when absent. */
  readonly memory?: { readonly bytes: Uint8Array; readonly from: number }
}

/** One area of anonymous memory. */
export class AnonymousMemory implements Area {
  readonly id: string
  readonly start: number
  readonly pages: number
  readonly shared: boolean
  readonly bytes: Uint8Array
  /** Where this area begins in {@link bytes}: not 0 only after a split. */
  readonly from: number
  protection: Protection

  constructor({ id, start, pages, protection, shared, memory }: AnonymousMemoryInit) {
    this.id = id
    this.start = start
    this.pages = pages
    this.protection = protection
    this.shared = shared
    this.bytes = memory?.bytes ?? new Uint8Array(pages * PAGE_SIZE_BYTES)
    this.from = memory?.from ?? 0
  }

  get end(): number {
    return this.start + this.pages * PAGE_SIZE_BYTES
  }

  /** What one page of it shows. */
  frameAt(page: number): MemoryFrame {
    return new MemoryFrame(this.bytes, this.from + page * PAGE_SIZE_BYTES)
  }

  /** A part of it, on the same memory. */
  part(id: string, firstPage: number, pages: number): AnonymousMemory {
    const from = this.from + firstPage * PAGE_SIZE_BYTES
    return new AnonymousMemory({
      id,
      start: this.start + firstPage * PAGE_SIZE_BYTES,
      pages,
      protection: this.protection,
      shared: this.shared,
      memory: { bytes: this.bytes, from },
    })
  }

  /** What a child process gets at a fork: the same memory, or its own copy. */
  forChild(id: string): AnonymousMemory {
    if (this.shared) return this.part(id, 0, this.pages)
    const bytes = this.bytes.slice(this.from, this.from + this.pages * PAGE_SIZE_BYTES)
    const { start, pages, protection, shared } = this
    return new AnonymousMemory({ id, start, pages, protection, shared, memory: { bytes, from: 0 } })
  }
}
