/** Our engine as a VfioHost: each call at once, and with a promise only when something is contended. */
import {
  type Awaitable,
  DENIED,
  type FaultOutcome,
  guardedLive,
  handleFault,
  type LockUse,
  runLive,
} from '@vfiokit/locking'
import { busError, type EngineCalls, locate } from './engine-calls.ts'
import { AnonymousMemory } from './mm/anonymous-memory.ts'
import type { Frame } from './mm/frame.ts'
import type { MmapRequest } from './mm/mapping-calls.ts'
import type { UserBuffer } from './mm/user-buffer.ts'
import type { Protection, Vma } from './mm/vma.ts'
import type { VfioCore } from './vfio-core.ts'
import type { VfioHost, VfioProcess } from './vfio-host.ts'

/** A host over a core. */
export class LiveHost implements VfioHost {
  readonly #processes = new Map<EngineCalls, LiveProcess>()

  constructor(readonly core: VfioCore) {}

  process(id: string): LiveProcess {
    return this.of(this.core.process(id))
  }

  /** The live face of an engine process. */
  of(calls: EngineCalls): LiveProcess {
    let live = this.#processes.get(calls)
    if (live === undefined) {
      live = new LiveProcess(this, calls)
      this.#processes.set(calls, live)
    }
    return live
  }
}

/**
 * A process whose hot paths make no generator: a page that is present, a fault nobody contends, a
 * register access that takes one lock.
 */
export class LiveProcess implements VfioProcess {
  readonly id: string
  readonly #faultLocks = new WeakMap<Vma, readonly LockUse[]>()

  constructor(
    readonly host: LiveHost,
    readonly calls: EngineCalls,
  ) {
    this.id = calls.id
  }

  open(path: string): Awaitable<number> {
    return runLive(this.calls.open(path))
  }

  eventfd(): number {
    return this.calls.eventfd()
  }

  readEvent(fd: number): bigint | undefined {
    return this.calls.readEvent(fd)
  }

  writeEvent(fd: number, count = 1n): void {
    this.calls.writeEvent(fd, count)
  }

  close(fd: number): Awaitable<void> {
    return runLive(this.calls.close(fd))
  }

  ioctl(fd: number, request: number, argument?: Uint8Array): Awaitable<number> {
    return runLive(this.calls.ioctl(fd, request, argument))
  }

  pread(fd: number, buffer: UserBuffer, offset: number): Awaitable<number> {
    if (mayBeNow(buffer, offset)) {
      const done = this.calls.process.file(fd).readNow(offset, buffer)
      if (done !== undefined) return done
    }
    return runLive(this.calls.pread(fd, buffer, offset))
  }

  pwrite(fd: number, buffer: UserBuffer, offset: number): Awaitable<number> {
    if (mayBeNow(buffer, offset)) {
      const done = this.calls.process.file(fd).writeNow(offset, buffer)
      if (done !== undefined) return done
    }
    return runLive(this.calls.pwrite(fd, buffer, offset))
  }

  mmap(request: MmapRequest): Awaitable<number> {
    return runLive(this.calls.mmap(request))
  }

  munmap(address: number, lengthBytes: number): Awaitable<void> {
    return runLive(this.calls.munmap(address, lengthBytes))
  }

  mprotect(address: number, lengthBytes: number, protection: Protection): Awaitable<void> {
    return runLive(this.calls.mprotect(address, lengthBytes, protection))
  }

  load(address: number, out: Uint8Array): Awaitable<void> {
    return this.#access(address, out.length, 'read', (frame, offset) => frame.load(offset, out))
  }

  store(address: number, data: Uint8Array): Awaitable<void> {
    return this.#access(address, data.length, 'write', (frame, offset) => frame.store(offset, data))
  }

  fork(childId: string): Awaitable<VfioProcess> {
    const child = runLive(this.calls.fork(childId))
    return child instanceof Promise ? child.then((calls) => this.host.of(calls)) : this.host.of(child)
  }

  send(fd: number, to: VfioProcess): number {
    if (!(to instanceof LiveProcess)) throw new TypeError(`${to.id} is no process of this host`)
    return this.calls.send(fd, to.calls)
  }

  exit(): Awaitable<void> {
    return runLive(this.calls.exit())
  }

  /** Looks the address up for every attempt: while it waited, the mapping may have been cut or unmapped. */
  #access(
    address: number,
    lengthBytes: number,
    need: 'read' | 'write',
    use: (frame: Frame, offset: number) => void,
  ): Awaitable<void> {
    for (;;) {
      const { vma, page, offset } = locate(this.calls.process, address, lengthBytes, need)
      const frame = vma.frameAt(page)
      if (frame !== undefined) return use(frame, offset)
      if (vma instanceof AnonymousMemory) throw new TypeError(`${vma.id} lacks a page`)
      const outcome = this.#fault(vma, page)
      if (outcome instanceof Promise)
        return outcome.then((later) => {
          if (later === 'sigbus') throw busError(vma, page)
          return this.#access(address, lengthBytes, need, use)
        })
      if (outcome === 'sigbus') throw busError(vma, page)
    }
  }

  #fault(vma: Vma, page: number): Awaitable<FaultOutcome> {
    const { device } = vma
    const { strategy } = device
    const body = vma.backing.fault(vma, page)
    const uses = this.#locksOf(vma)
    // Its mapping was found just now, so with every lock free nobody can be about to unmap it.
    if ((vma.followsMemory && strategy.fault !== undefined) || !uses.every(isUncontended))
      return runLive(handleFault(strategy, device, vma, body))
    const result = guardedLive(uses, body)
    return result instanceof Promise ? result.then(toOutcome) : toOutcome(result)
  }

  #locksOf(vma: Vma): readonly LockUse[] {
    let uses = this.#faultLocks.get(vma)
    if (uses === undefined) {
      const side = vma.followsMemory ? vma.device.strategy.readSide(vma.device) : []
      uses = [{ lock: vma.process.mmapLock, mode: 'read' }, ...side]
      this.#faultLocks.set(vma, uses)
    }
    return uses
  }
}

/** Whether one access may do what a read or write asks for; anything odd goes the long way. */
function mayBeNow(buffer: UserBuffer, offset: number): buffer is Uint8Array {
  return buffer instanceof Uint8Array && buffer.length > 0 && Number.isSafeInteger(offset) && offset >= 0
}

function isUncontended({ lock, mode }: LockUse): boolean {
  return lock.waiting === 0 && lock.isFree(mode)
}

function toOutcome(result: unknown): FaultOutcome {
  return result === DENIED ? 'sigbus' : 'nopage'
}
