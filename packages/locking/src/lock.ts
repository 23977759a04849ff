/**
 * What mutexes and rw-semaphores have in common: ops, waiters, and who may take them when.
 *
 * A lock here is a state machine without threads. `tryTake` and `drop` change it at once; `wait`
 * queues somebody who is told when the lock was handed over. Blocking is the driver's business.
 */
import { Op, type OpKind } from './op.ts'

/** How a lock is held. A mutex is always held for `write`. */
export type LockMode = 'read' | 'write'

/** One lock and how it is taken: what a read side consists of. */
export interface LockUse {
  readonly lock: Lock
  readonly mode: LockMode
}

/** Somebody in the queue of a lock. */
export interface Waiter {
  readonly mode: LockMode
  /** Called when the lock has been taken for this waiter, inside the `drop` that freed it. */
  readonly granted: () => void
}

/** Options of every lock. */
export interface LockOptions {
  /**
   * Linux's semantics when true: whoever queues is served before newcomers, and every kind of try
   * fails while somebody queues. When false a lock can be taken at any moment at which it is free.
   */
  readonly fair: boolean
}

/** Base of {@link Mutex} and {@link RwSemaphore}. */
export abstract class Lock {
  abstract readonly kind: 'mutex' | 'rwsem'
  readonly name: string
  readonly fair: boolean
  /**
   * A page fault takes this lock, so nobody may copy to or from user memory while holding it:
   * the copy could fault and take it again (hazard H3). Set by {@link markFaultLocks}.
   */
  takenByFault = false

  protected queue: Waiter[] = []
  readonly #ops: Record<LockMode, Partial<Record<LockOpKind, LockOp<unknown>>>> = { read: {}, write: {} }

  constructor(name: string, options: LockOptions) {
    this.name = name
    this.fair = options.fair
  }

  /** Modes it can be held in. */
  abstract readonly modes: readonly LockMode[]
  /** Whether the lock word itself would admit `mode` now, queue or not. */
  abstract isFree(mode: LockMode): boolean
  protected abstract take(mode: LockMode): void
  /** @throws Error when nobody holds the lock in that mode. */
  protected abstract put(mode: LockMode): void
  /** Takes those whose turn it is out of a queue that is not empty; the lock is completely free. */
  protected abstract unqueue(): Waiter[]

  /** Nobody holds it and nobody waits for it. */
  get isIdle(): boolean {
    return this.isFree('write') && this.queue.length === 0
  }

  /** Takes the lock if that is possible without waiting. */
  tryTake(mode: LockMode): boolean {
    if (!this.isFree(mode) || (this.fair && this.queue.length > 0)) return false
    this.take(mode)
    return true
  }

  /** Queues a waiter. It is granted at once if the lock turns out to be free. */
  wait(waiter: Waiter): void {
    if (this.tryTake(waiter.mode)) waiter.granted()
    else this.queue.push(waiter)
  }

  /**
   * Gives the lock back. The last to do so hands it to those in the queue whose turn it is.
   *
   * @throws Error when nobody holds the lock in that mode.
   */
  drop(mode: LockMode): void {
    this.put(mode)
    if (this.queue.length === 0 || !this.isFree('write')) return
    const woken = this.unqueue()
    // All are holders before the first is told: what it does next must see the others' locks.
    for (const waiter of woken) this.take(waiter.mode)
    for (const waiter of woken) waiter.granted()
  }

  /** How many wait. */
  get waiting(): number {
    return this.queue.length
  }

  /**
   * The cached op of one kind and mode on this lock.
   *
   * @throws TypeError for a mode that the lock does not have.
   */
  op<R>(kind: LockOpKind, mode: LockMode): LockOp<R> {
    const ops = this.#ops[mode]
    ops[kind] ??= this.#newOp(kind, mode)
    return ops[kind] as LockOp<R>
  }

  #newOp(kind: LockOpKind, mode: LockMode): LockOp<unknown> {
    if (!this.modes.includes(mode)) throw new TypeError(`${this.kind} ${this.name} has no ${mode} mode`)
    return new LockOp(kind, this, mode)
  }
}

/** Ops that work on a lock. */
export type LockOpKind = Extract<OpKind, 'acquire' | 'try-acquire' | 'release'>

/** Acquire, try-acquire or release of one lock in one mode. */
export class LockOp<R> extends Op<R> {
  constructor(
    readonly kind: LockOpKind,
    readonly lock: Lock,
    readonly mode: LockMode,
  ) {
    super()
  }

  get object(): string {
    return this.lock.kind === 'mutex' ? this.lock.name : `${this.lock.name} (${this.mode})`
  }

  perform(): R {
    if (this.kind === 'release') return this.lock.drop(this.mode) as R
    const taken = this.lock.tryTake(this.mode)
    if (this.kind === 'acquire' && !taken) throw new Error(`${this.lock.name} is not free`)
    return (this.kind === 'acquire' ? undefined : taken) as R
  }
}

/** Waits until the lock is held in `mode`. Kernel: `down_read`, `down_write`, `mutex_lock`. */
export function acquire(lock: Lock, mode: LockMode = 'write'): Op<void> {
  return lock.op<void>('acquire', mode)
}

/** Takes the lock without waiting, or answers false. Kernel: `down_*_trylock`, `mutex_trylock`. */
export function tryAcquire(lock: Lock, mode: LockMode = 'write'): Op<boolean> {
  return lock.op<boolean>('try-acquire', mode)
}

/** Gives the lock back. */
export function release(lock: Lock, mode: LockMode = 'write'): Op<void> {
  return lock.op<void>('release', mode)
}

/** Declares which locks a page fault takes, so that drivers can see a user copy under one (H3). */
export function markFaultLocks(uses: readonly LockUse[]): void {
  for (const use of uses) use.lock.takenByFault = true
}
