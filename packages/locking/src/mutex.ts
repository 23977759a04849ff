/** A mutex, as in Linux: no recursion, and a try fails while anybody holds it. */
import { Lock, type LockMode } from './lock.ts'

/** Exclusive lock, handed over in the order of the queue. Kernel: `struct mutex`. */
export class Mutex extends Lock {
  readonly kind = 'mutex'
  #held = false

  isFree(): boolean {
    return !this.#held
  }

  get isIdle(): boolean {
    return !this.#held && this.queue.length === 0
  }

  protected take(mode: LockMode): void {
    if (mode !== 'write') throw new TypeError(`mutex ${this.name} has no read mode`)
    this.#held = true
  }

  protected put(): void {
    if (!this.#held) throw new Error(`release of ${this.name}, which nobody holds`)
    this.#held = false
  }

  protected wake(): void {
    if (this.#held) return
    const next = this.queue.shift()
    if (next === undefined) return
    this.take(next.mode)
    next.granted()
  }
}
