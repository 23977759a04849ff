/**
 * The state of one device that is migrated, for drivers that know how to do each step. Kernel: what
 * `mlx5vf_pci_set_device_state` and its siblings in other drivers have in common.
 *
 * A reset ends migration: the state is RUNNING again, and whatever data was on its way is of no use. It
 * cannot wait for the lock of the state: whoever resets holds locks that a step may be waiting for. So it
 * tries, and else leaves the work to whoever has the lock:
 *
 *     set state                          reset
 *     lock the state
 *     step, step, ...                    note it; the lock is taken: done
 *     noted? RUNNING, no data
 *     unlock; noted since? try again
 */
import { acquire, type Mutex, type Operation, release, tryAcquire } from '@vfiokit/locking'
import type { FeatureCall } from '../feature/device-feature.ts'
import type { MigrationOps } from '../feature/migration-features.ts'
import type { OpenFile } from '../open-file.ts'
import { MIGRATION_STATE, type MigrationState, migrationWay } from './migration-state.ts'

/** What the hardware of one kind of device does. */
export interface MigrationSteps {
  /** MIGRATION_FLAGS. */
  readonly flags: number
  /**
   * Takes the device from a state to the next one of `migrationWay`.
   *
   * @returns the file through which the data of the new state comes or goes, if that begins here.
   * @throws VfioError when it fails; the device is still in `from`.
   */
  step(from: MigrationState, to: MigrationState): Operation<OpenFile | undefined>
  /** About how many bytes STOP_COPY would give. */
  dataSize(): Operation<bigint>
  /** The device was reset: files that {@link step} made are of no use any more. Must not wait. */
  discardData(): void
}

/** The migration of one device; a driver has it as its `migration`. */
export class DeviceMigration implements MigrationOps {
  readonly flags: number
  readonly #steps: MigrationSteps
  /** Kernel: `state_mutex`. */
  readonly #lock: Mutex
  #state: MigrationState = MIGRATION_STATE.RUNNING
  /** Kernel: `deferred_reset`. */
  #wasReset = false

  /** @param lock - Of the state; who opens a device again and again makes it once. */
  constructor(steps: MigrationSteps, lock: Mutex) {
    this.flags = steps.flags
    this.#steps = steps
    this.#lock = lock
  }

  *getState(): Operation<MigrationState> {
    yield* this.#take()
    try {
      return this.#state
    } finally {
      yield* this.#unlock()
    }
  }

  /**
   * Goes to a state, one step after the other; none when it is there. When a step fails the device stays where it
   * had come to.
   *
   * @returns a descriptor of the data, or -1.
   * @throws VfioError EINVAL when there is no way, and what the step threw.
   */
  *setState(state: number, { process }: FeatureCall): Operation<number> {
    yield* this.#take()
    try {
      const file = yield* this.#walk(state)
      return file === undefined ? -1 : process.install(file)
    } finally {
      yield* this.#unlock()
    }
  }

  dataSize(): Operation<bigint> {
    return this.#steps.dataSize()
  }

  /**
   * The device was reset, or closed. Never waits. Kernel: the `reset_done` of such a driver.
   */
  *resetDone(): Operation<void> {
    this.#wasReset = true
    if (yield* tryAcquire(this.#lock)) yield* this.#unlock()
  }

  *#walk(state: number): Operation<OpenFile | undefined> {
    for (const next of migrationWay(this.#state, state, this.flags)) {
      const file = yield* this.#steps.step(this.#state, next)
      this.#state = next
      if (file === undefined) continue
      if (next === state) return file
      yield* file.drop()
      throw new TypeError(`data on the way to state ${state}, in ${next}`)
    }
    return undefined
  }

  /** Who is handed the lock may find a reset that came just before. */
  *#take(): Operation<void> {
    yield* acquire(this.#lock)
    if (this.#wasReset) this.#restart()
  }

  /** A reset that came while the lock was held is done by its holder. Kernel: `mlx5vf_state_mutex_unlock`. */
  *#unlock(): Operation<void> {
    do {
      if (this.#wasReset) this.#restart()
      yield* release(this.#lock)
    } while (this.#wasReset && (yield* tryAcquire(this.#lock)))
  }

  #restart(): void {
    this.#wasReset = false
    this.#state = MIGRATION_STATE.RUNNING
    this.#steps.discardData()
  }
}
