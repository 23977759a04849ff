/** Makes the locks, cells and lists of one host, and knows them all: at rest every lock is idle. */
import { BoundedList } from './bounded-list.ts'
import { Cell } from './cell.ts'
import type { DeviceHandle, MappingHandle } from './handles.ts'
import type { Lock, LockOptions } from './lock.ts'
import { Mutex } from './mutex.ts'
import { RwSemaphore } from './rw-semaphore.ts'
import type { StateFactory } from './strategy.ts'

/** The {@link StateFactory} of live and controlled hosts. */
export class LockRegistry implements StateFactory {
  readonly #locks = new Set<Lock>()
  /** Their owner is gone while somebody still holds them. */
  readonly #dying = new Set<Lock>()

  constructor(readonly options: LockOptions = { fair: true }) {}

  /** Every lock made here whose owner is alive, or that is still in use. */
  get locks(): readonly Lock[] {
    this.#bury()
    return [...this.#locks]
  }

  /** Locks that somebody holds or waits for. At rest there are none (I7). */
  busy(): Lock[] {
    return this.locks.filter((lock) => !lock.isIdle)
  }

  mutex(name: string): Mutex {
    return this.#keep(new Mutex(name, this.options))
  }

  rwsem(name: string): RwSemaphore {
    return this.#keep(new RwSemaphore(name, this.options))
  }

  /** Forgets a lock whose owner is gone, as soon as nobody uses it. Kernel: `mutex_destroy`. */
  destroy(lock: Lock): void {
    this.#dying.add(lock)
    // Now, and not when somebody asks: a host that runs for long may never be asked.
    this.#bury()
  }

  cell<T>(name: string, values: readonly T[]): Cell<T> {
    return new Cell(name, values)
  }

  mappingList(name: string, device: DeviceHandle): BoundedList<MappingHandle> {
    return new BoundedList(name, () => device.mappings)
  }

  #bury(): void {
    for (const lock of this.#dying)
      if (lock.isIdle) {
        this.#dying.delete(lock)
        this.#locks.delete(lock)
      }
  }

  #keep<L extends Lock>(lock: L): L {
    this.#locks.add(lock)
    return lock
  }
}
