/**
 * Low power: the user of an open function lets it sleep, until the function is used again.
 *
 *   enter      its pages are gone and cannot come back; a moment later the function sleeps
 *   use        it is woken for that long. If it really slept, and the user wanted to be told of that, the
 *              user is told, once, and the mode is over
 *   leave      awake, and pages can come back
 *
 * Kernel: `vfio_pci_core_pm_entry`, `vfio_pci_core_pm_exit`, `vfio_pci_core_runtime_suspend`,
 * `vfio_pci_core_runtime_resume` (5.19).
 */
import type { MachineClock } from '@vfiokit/hardware'
import {
  type CellBacking,
  effect,
  enterLowPower,
  leaveLowPower,
  type Operation,
  type ProtocolDevice,
} from '@vfiokit/locking'
import { type Eventfd, type VfioDevice, VfioError } from '@vfiokit/vfio-core'
import type { DevicePower } from './device-power.ts'

/** The low-power mode of one function. */
export class LowPower {
  #engaged = false
  /** Whom to tell that the function was woken. Kernel: `pm_wake_eventfd_ctx`. */
  #wake: Eventfd | undefined
  #cancelSleep: (() => void) | undefined

  constructor(
    readonly device: VfioDevice,
    readonly power: DevicePower,
    readonly clock: MachineClock,
  ) {}

  /** What the cell of the device reads and writes. */
  readonly backing: CellBacking<boolean> = {
    read: () => this.#engaged,
    write: (engaged) => {
      this.#engaged = engaged
    },
  }

  get isEngaged(): boolean {
    return this.#engaged
  }

  /** @throws VfioError EINVAL when it is engaged already; the pages are gone all the same. */
  *enter(wake: Eventfd | undefined): Operation<void> {
    const { device } = this
    const entered = yield* enterLowPower(device.strategy, device, cellOf(device))
    if (!entered) throw new VfioError('EINVAL', 'low-power', `${device.id} is in low power already`)
    yield* effect(`put ${device.id}`, [undefined], () => {
      this.#wake = wake
      this.relax()
    })
  }

  /** Nothing happens when it is not engaged. */
  *leave(): Operation<void> {
    const { device } = this
    yield* this.wake()
    yield* leaveLowPower(device.strategy, device, cellOf(device))
    yield* effect(`get ${device.id}`, [undefined], () => this.end())
  }

  /** Runs what a user asks of the function while it is awake. */
  *awake<T>(use: Operation<T>): Operation<T> {
    if (!this.#engaged) return yield* use
    yield* this.wake()
    try {
      return yield* use
    } finally {
      yield* effect(`put ${this.device.id}`, [undefined], () => this.relax())
    }
  }

  /** Wakes the function up, which ends the mode for a user who is told of it. */
  *wake(): Operation<void> {
    const { device } = this
    this.#cancelSleep?.()
    if (!this.power.isSuspended || this.#wake === undefined) {
      yield* effect(`wake ${device.id}`, [undefined], () => this.wakeExclusively())
      return
    }
    yield* device.strategy.exclude(device, 'lock-only', () =>
      effect(`wake ${device.id}`, [undefined], () => this.wakeExclusively()),
    )
  }

  /** The same for a caller who excludes every reader already. */
  wakeExclusively(): void {
    this.#cancelSleep?.()
    if (!this.power.resume() || this.#wake === undefined) return
    this.#wake.signal()
    this.end()
  }

  /** Not engaged any more, and nobody is told. */
  end(): void {
    this.#cancelSleep?.()
    this.#engaged = false
    this.#wake = undefined
  }

  /** Nobody needs it on: the kernel's worker puts it to sleep as soon as it gets its turn. */
  relax(): void {
    this.#cancelSleep?.()
    if (!this.#engaged) return
    this.#cancelSleep = this.clock.after(0, () => {
      this.power.suspend()
      this.device.cells.power.backing.write('D0')
    })
  }
}

function cellOf({ id, cells }: ProtocolDevice) {
  if (cells.lowPower === undefined) throw new TypeError(`${id} has no low-power mode`)
  return cells.lowPower
}
