/**
 * A process: its open files, its map of user memory, and the lock around that map.
 *
 * Kernel: `struct files_struct` and `struct mm_struct`.
 */
import type { ProcessHandle, RwSemaphore } from '@vfiokit/locking'
import type { OpenFile } from '../open-file.ts'
import { STANDARD_STREAMS, StandardStream } from '../standard-stream.ts'
import { VfioError } from '../vfio-error.ts'
import { AddressMap } from './address-map.ts'
import type { AnonymousMemory } from './anonymous-memory.ts'
import { PAGE_SIZE_BYTES } from './page.ts'
import type { Vma } from './vma.ts'

/** Where the first mapping goes. */
const MMAP_BASE = 0x7000_0000_0000

/** One process of a host. */
export class Process implements ProcessHandle {
  readonly #files = new Map<number, OpenFile>()
  readonly #vmas = new AddressMap<Vma>()
  /** What the process allocated. Changed with mmap_lock held for writing. */
  readonly memory: AddressMap<AnonymousMemory> = new AddressMap()
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

  /** Mappings of devices by address. */
  get vmas(): readonly Vma[] {
    return this.#vmas.all
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
    this.#vmas.add(vma)
    this.#nextAddress = Math.max(this.#nextAddress, vma.end + PAGE_SIZE_BYTES)
  }

  /**
   * Adds memory. mmap_lock is held for writing.
   *
   * @throws TypeError where memory is already.
   */
  addMemory(memory: AnonymousMemory): void {
    this.memory.add(memory)
    this.#nextAddress = Math.max(this.#nextAddress, memory.end + PAGE_SIZE_BYTES)
  }

  /**
   * Removes a mapping. mmap_lock is held for writing.
   *
   * @throws TypeError for a mapping that is not of this process.
   */
  removeVma(vma: Vma): void {
    this.#vmas.remove(vma)
  }

  /** The mapping at an address. */
  vmaAt(address: number): Vma | undefined {
    return this.#vmas.at(address)
  }

  /** The mapping or the memory at an address. */
  areaAt(address: number): Vma | AnonymousMemory | undefined {
    return this.#vmas.at(address) ?? this.memory.at(address)
  }

  /** The mappings that overlap `[start, end)`. */
  vmasIn(start: number, end: number): Vma[] {
    return this.#vmas.within(start, end)
  }
}
