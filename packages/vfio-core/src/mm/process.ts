/**
 * A process: its open files, its map of user memory, and the lock around that map.
 *
 * Kernel: `struct files_struct` and `struct mm_struct`.
 */
import type { ProcessHandle, RwSemaphore } from '@vfiokit/locking'
import type { OpenFile } from '../open-file.ts'
import { STANDARD_STREAMS, StandardStream } from '../standard-stream.ts'
import { VfioError } from '../vfio-error.ts'
import { PAGE_SIZE_BYTES } from './page.ts'
import type { Vma } from './vma.ts'

/** Where the first mapping goes. */
const MMAP_BASE = 0x7000_0000_0000

/** One process of a host. */
export class Process implements ProcessHandle {
  readonly #files = new Map<number, OpenFile>()
  /** By address; mappings do not overlap. */
  readonly #vmas: Vma[] = []
  #nextAddress = MMAP_BASE
  /** No descriptor below it is free. */
  #lowestFree = 0

  /**
   * @param id - Name of the process, unique in its host.
   * @param mmapLock - Made by the host's registry, so that it is fair or not like the others.
   */
  constructor(
    readonly id: string,
    readonly mmapLock: RwSemaphore,
  ) {
    for (const name of STANDARD_STREAMS) this.install(new StandardStream(name))
  }

  /** Open files by descriptor. */
  get files(): ReadonlyMap<number, OpenFile> {
    return this.#files
  }

  /** Mappings by address. */
  get vmas(): readonly Vma[] {
    return this.#vmas
  }

  /** Gives a file the lowest free descriptor. */
  install(file: OpenFile): number {
    let fd = this.#lowestFree
    while (this.#files.has(fd)) fd++
    this.#files.set(fd, file)
    this.#lowestFree = fd + 1
    return fd
  }

  /**
   * Gives a file one particular descriptor, as a fork does.
   *
   * @throws TypeError for a descriptor that is open: its file would be lost.
   */
  installAt(fd: number, file: OpenFile): void {
    if (this.#files.has(fd)) throw new TypeError(`fd ${fd} of ${this.id} is open`)
    this.#files.set(fd, file)
  }

  /** @throws VfioError EBADF when the descriptor is not open. */
  file(fd: number): OpenFile {
    const file = this.#files.get(fd)
    if (file === undefined) throw new VfioError('EBADF', 'bad-fd', `fd ${fd} of ${this.id} is not open`)
    return file
  }

  /** Forgets a descriptor and answers its file. The caller drops the reference. */
  uninstall(fd: number): OpenFile {
    const file = this.file(fd)
    this.#files.delete(fd)
    this.#lowestFree = Math.min(this.#lowestFree, fd)
    return file
  }

  /** A free range of user memory, one page apart from the last. */
  reserve(pages: number): number {
    const start = this.#nextAddress
    this.#nextAddress += (pages + 1) * PAGE_SIZE_BYTES
    return start
  }

  /**
   * Adds a mapping. mmap_lock is held for writing.
   *
   * @throws TypeError where something is mapped already.
   */
  addVma(vma: Vma): void {
    const at = this.#firstEndingAfter(vma.start)
    const next = this.#vmas[at]
    if (next !== undefined && next.start < vma.end) throw new TypeError(`${vma.id} overlaps ${next.id}`)
    this.#vmas.splice(at, 0, vma)
    this.#nextAddress = Math.max(this.#nextAddress, vma.end + PAGE_SIZE_BYTES)
  }

  /**
   * Removes a mapping. mmap_lock is held for writing.
   *
   * @throws TypeError for a mapping that is not of this process.
   */
  removeVma(vma: Vma): void {
    const at = this.#firstEndingAfter(vma.start)
    if (this.#vmas[at] !== vma) throw new TypeError(`${vma.id} is not mapped in ${this.id}`)
    this.#vmas.splice(at, 1)
  }

  /** The mapping at an address. */
  vmaAt(address: number): Vma | undefined {
    const vma = this.#vmas[this.#firstEndingAfter(address)]
    return vma !== undefined && vma.start <= address ? vma : undefined
  }

  /** The mappings that overlap `[start, end)`. */
  vmasIn(start: number, end: number): Vma[] {
    const found: Vma[] = []
    for (let at = this.#firstEndingAfter(start); at < this.#vmas.length; at++) {
      const vma = this.#vmas[at]!
      if (vma.start >= end) break
      found.push(vma)
    }
    return found
  }

  #firstEndingAfter(address: number): number {
    let low = 0
    let high = this.#vmas.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#vmas[middle]!.end > address) high = middle
      else low = middle + 1
    }
    return low
  }
}
