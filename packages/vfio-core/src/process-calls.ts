/**
 * The system calls of one process, as steps: what scripts, scenarios and typed clients are written in.
 *
 * The engine implements them as operations; {@link callsOf} makes them out of any host by effects.
 */
import { effect, type Op, type Operation, type Step } from '@vfiokit/locking'
import type { MmapRequest } from './mm/mapping-calls.ts'
import type { UserBuffer } from './mm/user-buffer.ts'
import type { Protection } from './mm/vma.ts'
import type { VfioProcess } from './vfio-host.ts'

/** Every call of the ABI, on behalf of one process. Failures are thrown as VfioError or VfioSignal. */
export interface ProcessCalls {
  readonly id: string
  open(path: string): Step<number>
  close(fd: number): Step<void>
  ioctl(fd: number, request: number, argument?: Uint8Array): Step<number>
  pread(fd: number, buffer: UserBuffer, offset: number): Step<number>
  pwrite(fd: number, buffer: UserBuffer, offset: number): Step<number>
  mmap(request: MmapRequest): Step<number>
  munmap(address: number, lengthBytes: number): Step<void>
  mprotect(address: number, lengthBytes: number, protection: Protection): Step<void>
  load(address: number, out: Uint8Array): Step<void>
  store(address: number, data: Uint8Array): Step<void>
  eventfd(): Step<number>
  readEvent(fd: number): Step<bigint>
  writeEvent(fd: number, count?: bigint): Step<void>
}

/** A step as an operation: calls are nested with `yield* call(...)`. */
export function* call<T>(step: Step<T>): Operation<T> {
  return yield* step as Operation<T>
}

/** The calls of a process of any host, each as one effect. */
export function callsOf(process: VfioProcess): ProcessCalls {
  const once = <T>(name: string, fn: () => T | Promise<T>): Op<T> => effect(`${process.id} ${name}`, [], fn)
  return {
    id: process.id,
    open: (path) => once('open', () => process.open(path)),
    close: (fd) => once('close', () => process.close(fd)),
    ioctl: (fd, request, argument) => once('ioctl', () => process.ioctl(fd, request, argument)),
    pread: (fd, buffer, offset) => once('pread', () => process.pread(fd, buffer, offset)),
    pwrite: (fd, buffer, offset) => once('pwrite', () => process.pwrite(fd, buffer, offset)),
    mmap: (request) => once('mmap', () => process.mmap(request)),
    munmap: (address, lengthBytes) => once('munmap', () => process.munmap(address, lengthBytes)),
    mprotect: (address, lengthBytes, protection) =>
      once('mprotect', () => process.mprotect(address, lengthBytes, protection)),
    load: (address, out) => once('load', () => process.load(address, out)),
    store: (address, data) => once('store', () => process.store(address, data)),
    eventfd: () => once('eventfd', () => process.eventfd()),
    readEvent: (fd) => once('read of an eventfd', () => process.readEvent(fd)),
    writeEvent: (fd, count) => once('write to an eventfd', () => process.writeEvent(fd, count)),
  }
}
