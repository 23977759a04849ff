/**
 * A reader/writer semaphore with the semantics of Linux rwsem that decide about deadlocks.
 *
 *   a queued writer makes new readers queue     (a reader that takes it twice can deadlock)
 *   read-try fails when a writer holds it or anybody queues
 *   write-try succeeds only on a completely free word: no reader, no writer, no queue
 *   wake: by the last to leave; a writer at the head alone; a reader at the head with every queued
 *   reader, also those behind writers, at most 256
 *
 * A lock that is dropped is handed over at once, so the moment in which Linux lets one more reader
 * steal a lock that is free while somebody queues does not exist here. `fair: false` is the wider
 * "any free moment" semantics, in which every such theft is possible.
 */
import { Lock, type LockMode, type Waiter } from './lock.ts'

/** Readers woken together. Kernel: `MAX_READERS_WAKEUP` in kernel/locking/rwsem.c. */
export const READERS_WOKEN_MAX = 256

const MODES: readonly LockMode[] = ['read', 'write']

/** Kernel: `struct rw_semaphore`. */
export class RwSemaphore extends Lock {
  readonly kind = 'rwsem'
  readonly modes: readonly LockMode[] = MODES
  #writer = false
  #readers = 0

  isFree(mode: LockMode): boolean {
    return mode === 'write' ? !this.#writer && this.#readers === 0 : !this.#writer
  }

  /** How many hold it for reading now. */
  get readers(): number {
    return this.#readers
  }

  protected take(mode: LockMode): void {
    if (mode === 'write') this.#writer = true
    else this.#readers++
  }

  protected put(mode: LockMode): void {
    const held = mode === 'write' ? this.#writer : this.#readers > 0
    if (!held) throw new Error(`release of ${this.name} (${mode}), which nobody holds`)
    if (mode === 'write') this.#writer = false
    else this.#readers--
  }

  protected unqueue(): Waiter[] {
    if (this.queue[0]!.mode === 'write') return this.queue.splice(0, 1)
    // Readers behind queued writers come along too, as in `rwsem_mark_wake`.
    const readers: Waiter[] = []
    const left: Waiter[] = []
    for (const waiter of this.queue)
      (waiter.mode === 'read' && readers.length < READERS_WOKEN_MAX ? readers : left).push(waiter)
    this.queue = left
    return readers
  }
}
