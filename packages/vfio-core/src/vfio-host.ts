/**
 * The port above: the ABI as processes see it.
 *
 * Our engine implements it; so can a real Linux host, or a client of the vfio-user protocol. Whoever
 * checks or drives devices speaks to this and to {@link HostOperator}, never to an engine.
 */
import type { Awaitable } from '@vfiokit/locking'
import type { MmapRequest } from './mm/mapping-calls.ts'
import type { UserBuffer } from './mm/user-buffer.ts'
import type { Protection } from './mm/vma.ts'

/** A machine on which processes use VFIO. */
export interface VfioHost {
  /** The process of that name; the first mention starts it. */
  process(id: string): VfioProcess
}

/**
 * One process. Every call answers at once, or with a promise when something is contended or far away.
 *
 * Failures are VfioError with the kernel's errno; a load or store that kills is a VfioSignal.
 */
export interface VfioProcess {
  readonly id: string
  /** `/dev/vfio/vfio` or `/dev/vfio/<group>`. Answers a file descriptor. */
  open(path: string): Awaitable<number>
  /** A new eventfd, not blocking. Answers its descriptor. */
  eventfd(): Awaitable<number>
  /** Takes what an eventfd counted since it was last read; undefined: nothing, EAGAIN. */
  readEvent(fd: number): Awaitable<bigint | undefined>
  /** @param count - How many events to add, 1 when absent. */
  writeEvent(fd: number, count?: bigint): Awaitable<void>
  close(fd: number): Awaitable<void>
  /** @param argument - The caller's struct, changed in place; an int is passed as 4 bytes. */
  ioctl(fd: number, request: number, argument?: Uint8Array): Awaitable<number>
  /** @param offset - index << 40 | offset in the region. Answers how many bytes were read. */
  pread(fd: number, buffer: UserBuffer, offset: number): Awaitable<number>
  pwrite(fd: number, buffer: UserBuffer, offset: number): Awaitable<number>
  /** Answers the address. */
  mmap(request: MmapRequest): Awaitable<number>
  munmap(address: number, lengthBytes: number): Awaitable<void>
  mprotect(address: number, lengthBytes: number, protection: Protection): Awaitable<void>
  /** Loads `out.length` bytes (1, 2, 4 or 8) through a mapping. */
  load(address: number, out: Uint8Array): Awaitable<void>
  store(address: number, data: Uint8Array): Awaitable<void>
  /** Starts a process with the same files and mappings. */
  fork(childId: string): Awaitable<VfioProcess>
  /** Gives another process of the host a descriptor of the same file, as SCM_RIGHTS does. */
  send(fd: number, to: VfioProcess): Awaitable<number>
  /** Closes and unmaps everything. */
  exit(): Awaitable<void>
}
