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
import type { MmapRequest } from './mm/mapping-calls.ts'
import { lengthOf, type UserBuffer } from './mm/user-buffer.ts'
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

  close(fd: number): Awaitable<void> {
    return runLive(this.calls.close(fd))
  }

  ioctl(fd: number, request: number, argument?: Uint8Array): Awaitable<number> {
    return runLive(this.calls.ioctl(fd, request, argument))
  }

  pread(fd: number, buffer: UserBuffer, offset: number): Awaitable<number> {
    if (buffer instanceof Uint8Array && lengthOf(buffer) > 0) {
      const done = this.calls.process.file(fd).readNow(offset, buffer)
      if (done !== undefined) return done
    }
    return runLive(this.calls.pread(fd, buffer, offset))
  }

  pwrite(fd: number, buffer: UserBuffer, offset: number): Awaitable<number> {
    if (buffer instanceof Uint8Array && lengthOf(buffer) > 0) {
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
    const { vma, page, offset } = locate(this.calls.process, address, out.length, 'read')
    return this.#touch(vma, page, () => vma.frameAt(page)!.load(offset, out))
  }

  store(address: number, data: Uint8Array): Awaitable<void> {
    const { vma, page, offset } = locate(this.calls.process, address, data.length, 'write')
    return this.#touch(vma, page, () => vma.frameAt(page)!.store(offset, data))
  }

  async fork(childId: string): Promise<VfioProcess> {
    return this.host.of(await runLive(this.calls.fork(childId)))
  }

  send(fd: number, to: VfioProcess): number {
    if (!(to instanceof LiveProcess)) throw new TypeError(`${to.id} is no process of this host`)
    return this.calls.send(fd, to.calls)
  }

  exit(): Awaitable<void> {
    return runLive(this.calls.exit())
  }

  #touch(vma: Vma, page: number, use: () => void): Awaitable<void> {
    while (!vma.has(page)) {
      const outcome = this.#fault(vma, page)
      if (outcome instanceof Promise) return outcome.then((later) => this.#afterFault(later, vma, page, use))
      if (outcome === 'sigbus') throw busError(vma, page)
    }
    use()
  }

  #afterFault(outcome: FaultOutcome, vma: Vma, page: number, use: () => void): Awaitable<void> {
    if (outcome === 'sigbus') throw busError(vma, page)
    return this.#touch(vma, page, use)
  }

  #fault(vma: Vma, page: number): Awaitable<FaultOutcome> {
    const { device } = vma
    const body = vma.backing.fault(vma, page)
    if (vma.followsMemory && device.strategy.fault !== undefined)
      return runLive(handleFault(device.strategy, device, vma, body))
    const result = guardedLive(this.#locksOf(vma), body)
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

function toOutcome(result: unknown): FaultOutcome {
  return result === DENIED ? 'sigbus' : 'nopage'
}
