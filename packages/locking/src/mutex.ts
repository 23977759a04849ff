/** A mutex, as in Linux: no recursion, and a try fails while anybody holds it. */
import { Lock, type LockMode, type Waiter } from './lock.ts'

const MODES: readonly LockMode[] = ['write']

/** Exclusive lock, handed over in the order of the queue. Kernel: `struct mutex`. */
export class Mutex extends Lock {
  readonly kind = 'mutex'
  readonly modes: readonly LockMode[] = MODES
  #held = false

  /** @throws TypeError for the read mode: it has none. */
  isFree(mode: LockMode): boolean {
    if (mode !== 'write') throw new TypeError(`mutex ${this.name} has no ${mode} mode`)
    return !this.#held
  }

  protected take(): void {
    this.#held = true
  }

  protected put(): void {
    if (!this.#held) throw new Error(`release of ${this.name}, which nobody holds`)
    this.#held = false
  }

  protected unqueue(): Waiter[] {
    return this.queue.splice(0, 1)
  }
}
