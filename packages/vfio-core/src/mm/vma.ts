/**
 * A vma: one mapping of a device file in one process, and the pages of it that are present.
 *
 * Kernel: `struct vm_area_struct` with its page table entries.
 */
import type { FaultBody, MappingHandle } from '@vfiokit/locking'
import type { DeviceFile } from '../device-file.ts'
import type { VfioDevice } from '../vfio-device.ts'
import type { Frame } from './frame.ts'
import { PAGE_SIZE_BYTES } from './page.ts'
import type { Process } from './process.ts'

/** What a driver admitted a mapping to: where its pages are and how they fault in. */
export interface VmaBacking {
  /** Whether the pages come and go with the memory of the device. */
  readonly followsMemory: boolean
  /** What a page shows, when that is known without asking anybody; counted from the backing's start. */
  frame?(page: number): Frame
  /**
   * What every page shows that comes with the mapping, in place of faults. Only of pages that do not follow
   * memory. Kernel: `remap_pfn_range`. @throws VfioError when one is not there: nothing is mapped then.
   */
  presentAtOnce?(): readonly Frame[]
  /** What one fault does, under the locks of the strategy. */
  fault(vma: Vma, page: number): FaultBody
}

/** Protection of a mapping. */
export interface Protection {
  readonly read: boolean
  readonly write: boolean
  readonly execute: boolean
}

/** Whether an access works. Page tables of x86 cannot forbid to read what may be written or executed. */
export function allows({ read, write, execute }: Protection, need: 'read' | 'write'): boolean {
  return need === 'write' ? write : read || write || execute
}

/** What makes a vma. */
export interface VmaInit {
  readonly id: string
  readonly process: Process
  readonly file: DeviceFile
  readonly backing: VmaBacking
  /** First byte of user memory. */
  readonly start: number
  readonly pages: number
  /** First page in the address space. */
  readonly spacePage: number
  /** Pages of the backing that lie before this vma: not 0 only after a split. */
  readonly backingPage: number
  readonly protection: Protection
}

/** One mapping. */
export class Vma implements MappingHandle {
  readonly id: string
  readonly process: Process
  readonly file: DeviceFile
  readonly backing: VmaBacking
  readonly start: number
  readonly pages: number
  readonly spacePage: number
  readonly backingPage: number
  protection: Protection
  isLinked = false
  #present = new Map<number, Frame>()

  constructor(init: VmaInit) {
    this.id = init.id
    this.process = init.process
    this.file = init.file
    this.backing = init.backing
    this.start = init.start
    this.pages = init.pages
    this.spacePage = init.spacePage
    this.backingPage = init.backingPage
    this.protection = init.protection
  }

  get device(): VfioDevice {
    return this.file.device
  }

  get followsMemory(): boolean {
    return this.backing.followsMemory
  }

  /** First byte behind it. */
  get end(): number {
    return this.start + this.pages * PAGE_SIZE_BYTES
  }

  get presentPages(): number {
    return this.#present.size
  }

  has(page: number): boolean {
    return this.#present.has(page)
  }

  /** What a present page shows; undefined when it would fault. */
  frameAt(page: number): Frame | undefined {
    return this.#present.get(page)
  }

  showsExpectedFrame(page: number): boolean {
    const frame = this.#present.get(page)
    const expected = this.backing.frame?.(this.backingPage + page)
    return frame === undefined || expected === undefined || frame.isSame(expected)
  }

  /** @throws RangeError for a page outside the mapping. */
  insert(page: number | 'all', frame?: unknown): void {
    if (page !== 'all') return this.#insertOne(page, frame as Frame | undefined)
    for (let each = 0; each < this.pages; each++) this.#insertOne(each, undefined)
  }

  zap(): number {
    return this.#removed(this.#present.size, () => {
      // Not cleared: V8 links the table that it clears to the new one, so an old one would keep all later ones.
      this.#present = new Map()
    })
  }

  /** Takes away the pages whose place in the address space lies in `first..last`. */
  zapSpacePages(first: number, last: number): number {
    const from = first - this.spacePage
    const to = last - this.spacePage
    if (from <= 0 && to >= this.pages - 1) return this.zap()
    const hit = [...this.#presentIn(from, to)]
    return this.#removed(hit.length, () => {
      for (const page of hit) this.#present.delete(page)
    })
  }

  /** How many present pages lie in `first..last` of the address space. */
  presentInSpacePages(first: number, last: number): number {
    const from = first - this.spacePage
    const to = last - this.spacePage
    if (from <= 0 && to >= this.pages - 1) return this.#present.size
    let count = 0
    for (const _ of this.#presentIn(from, to)) count++
    return count
  }

  /** Moves present pages, counted from `from` on, to a vma that begins there. */
  givePagesTo(tail: Vma, from: number): void {
    for (const [page, frame] of [...this.#present]) {
      if (page < from) continue
      this.#present.delete(page)
      tail.#present.set(page - from, frame)
    }
  }

  /** Makes everything that is present here present in another vma of the same shape. */
  copyPagesTo(copy: Vma): void {
    for (const [page, frame] of this.#present) copy.insert(page, frame)
  }

  #insertOne(page: number, given: Frame | undefined): void {
    if (!Number.isInteger(page) || page < 0 || page >= this.pages)
      throw new RangeError(`${this.id} has no page ${page}`)
    if (this.#present.has(page)) return
    const frame = given ?? this.backing.frame?.(this.backingPage + page)
    if (frame === undefined) throw new TypeError(`nobody says what page ${page} of ${this.id} shows`)
    this.#present.set(page, frame)
    if (this.followsMemory) this.device.presentBarPages++
  }

  #removed(count: number, remove: () => void): number {
    remove()
    if (this.followsMemory) this.device.presentBarPages -= count
    return count
  }

  /** Present pages in `from..to`: walks the smaller of the range and what is present. */
  *#presentIn(from: number, to: number): Generator<number> {
    if (to - from < this.#present.size) {
      for (let page = from; page <= to; page++) if (this.#present.has(page)) yield page
    } else for (const page of this.#present.keys()) if (page >= from && page <= to) yield page
  }
}
