/**
 * A reader/writer semaphore with the semantics of Linux rwsem that decide about deadlocks.
 *
 *   a queued writer makes new readers queue     (a reader that takes it twice can deadlock)
 *   read-try fails when a writer holds it or anybody queues
 *   write-try succeeds only on a completely free word: no reader, no writer, no queue
 *   wake: a writer at the head alone; a reader at the head with every queued reader, at most 256
 *
 * A lock that is dropped is handed over at once, so the moment in which Linux lets one more reader
 * steal a lock that is free while somebody queues does not exist here. `fair: false` is the wider
 * "any free moment" semantics, in which every such theft is possible.
 */
import { Lock, type LockMode, type Waiter } from './lock.ts'

/** Readers woken together. Kernel: `MAX_READERS_WAKEUP` in kernel/locking/rwsem.c. */
export const READERS_WOKEN_MAX = 256

/** Kernel: `struct rw_semaphore`. */
export class RwSemaphore extends Lock {
  readonly kind = 'rwsem'
  #writer = false
  #readers = 0

  isFree(mode: LockMode): boolean {
    return mode === 'write' ? !this.#writer && this.#readers === 0 : !this.#writer
  }

  get isIdle(): boolean {
    return !this.#writer && this.#readers === 0 && this.queue.length === 0
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

  protected wake(): void {
    const head = this.queue[0]
    if (head === undefined || !this.isFree(head.mode)) return
    const woken = head.mode === 'write' ? [this.queue.shift()!] : this.#unqueueReaders()
    // All are holders before the first is told: what it does next must see the others' locks.
    for (const waiter of woken) this.take(waiter.mode)
    for (const waiter of woken) waiter.granted()
  }

  /** Takes the queued readers out, those behind queued writers too, as `rwsem_mark_wake` does. */
  #unqueueReaders(): Waiter[] {
    const readers: Waiter[] = []
    for (let at = 0; at < this.queue.length && readers.length < READERS_WOKEN_MAX; ) {
      if (this.queue[at]!.mode === 'read') readers.push(...this.queue.splice(at, 1))
      else at++
    }
    return readers
  }
}
