/** The locks one task holds, in the order it took them. */
import type { Lock, LockMode, LockUse } from '../lock.ts'

/** Kept by drivers that watch; the live driver keeps none. */
export class HeldLocks implements Iterable<LockUse> {
  readonly #uses: LockUse[] = []

  get size(): number {
    return this.#uses.length
  }

  [Symbol.iterator](): Iterator<LockUse> {
    return this.#uses[Symbol.iterator]()
  }

  add(lock: Lock, mode: LockMode): void {
    this.#uses.push({ lock, mode })
  }

  /** Forgets the latest use of that lock in that mode; false when it was not held. */
  remove(lock: Lock, mode: LockMode): boolean {
    const at = this.#uses.findLastIndex((use) => use.lock === lock && use.mode === mode)
    if (at >= 0) this.#uses.splice(at, 1)
    return at >= 0
  }

  holds(lock: Lock, mode?: LockMode): boolean {
    return this.#uses.some((use) => use.lock === lock && (mode === undefined || use.mode === mode))
  }

  /** Whether these are the same locks in the same modes, in whatever order they were taken. */
  isSame(uses: readonly LockUse[]): boolean {
    const rest = [...this.#uses]
    for (const { lock, mode } of uses) {
      const at = rest.findIndex((use) => use.lock === lock && use.mode === mode)
      if (at < 0) return false
      rest.splice(at, 1)
    }
    return rest.length === 0
  }

  /** `memory_lock:d0 (write), mmap_lock:p0 (read)` */
  toString(): string {
    return this.#uses.map(({ lock, mode }) => `${lock.name} (${mode})`).join(', ')
  }
}
