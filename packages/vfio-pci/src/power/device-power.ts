/**
 * The power of one function under vfio-pci: what its user asks for, and what happens while nobody uses it.
 *
 *   change    a state by register, or D0 before a reset. Without No_Soft_Reset the way out of D3hot loses
 *             the registers, so they are saved on the way in and put back on the way out
 *   idle      nobody uses it: it goes to sleep, at once or, with runtime power management, a moment later
 *   active    somebody uses it again: D0, and its registers are those it went to sleep with
 *
 * Kernel: `vfio_pci_set_power_state`, `pci_pm_runtime_suspend`, `pci_pm_runtime_resume`.
 */
import type { PciHardware, PowerState } from '@vfiokit/hardware'
import { CAPABILITY_ID } from '@vfiokit/topology'
import type { KernelProfile } from '@vfiokit/vfio-core'
import { PM_CONTROL } from '../config/capability-permissions.ts'
import { capabilityOffset } from '../config/virtual-config.ts'
import { SavedState } from '../reset/saved-state.ts'
import { changePower, powerUp } from './power-state.ts'

/** A function with this bit keeps its registers over D3hot. */
const NO_SOFT_RESET = 0x8

/** What power management is told about a function and its host. */
export interface DevicePowerOptions {
  readonly hardware: PciHardware
  readonly profile: Pick<KernelProfile, 'idlePower' | 'powerPinnedByVirtualFunctions' | 'powersUpBeforeReset'>
  /** Module option `disable_idle_d3`: a function that nobody uses stays on. */
  readonly disableIdleD3: boolean
  /** Whether it is a physical function whose virtual ones exist now. */
  hasVirtualFunctions(): boolean
}

/** One function's power. */
export class DevicePower {
  readonly #options: DevicePowerOptions
  /** Registers are lost from D3hot to D0. Kernel: `needs_pm_restore`. */
  readonly #losesRegisters: boolean
  /** Saved when the user entered D3hot. Kernel: `pm_save`. */
  #beforeSleep: SavedState | undefined
  #suspended: SavedState | undefined
  #goingIdle = false

  constructor(options: DevicePowerOptions) {
    this.#options = options
    const at = capabilityOffset(options.hardware, CAPABILITY_ID.powerManagement)
    this.#losesRegisters =
      at !== undefined && (options.hardware.readConfig(at + PM_CONTROL.OFFSET, 2) & NO_SOFT_RESET) === 0
  }

  /** Suspended by runtime power management. */
  get isSuspended(): boolean {
    return this.#suspended !== undefined
  }

  /**
   * Changes the state, and answers the one reached: a function may lack or refuse it, and one with
   * virtual functions stays on where the kernel pins it.
   */
  change(wanted: PowerState): PowerState {
    const { hardware, profile } = this.#options
    const found = hardware.powerState
    const isPinned = profile.powerPinnedByVirtualFunctions && this.#options.hasVirtualFunctions()
    if (wanted !== 'D0' && isPinned) return found
    const saved =
      this.#losesRegisters && found !== 'D3hot' && wanted === 'D3hot' ? new SavedState(hardware) : undefined
    const reached = changePower(hardware, wanted)
    if (saved !== undefined && reached === 'D3hot') this.#beforeSleep = saved
    else if (this.#losesRegisters && found === 'D3hot' && reached === 'D0') {
      this.#beforeSleep?.restore()
      this.#beforeSleep = undefined
    }
    return reached
  }

  /** Before a reset or close: D0, where the kernel does that through vfio. */
  beforeReset(): void {
    if (this.#options.profile.powersUpBeforeReset) this.change('D0')
  }

  /** The driver takes the function over, in whatever state its last driver left it. */
  takeOver(): void {
    powerUp(this.#options.hardware)
    this.idle()
  }

  /** Nobody uses the function any more. */
  idle(): void {
    const { profile, disableIdleD3 } = this.#options
    if (disableIdleD3 || this.#options.hasVirtualFunctions()) return
    if (profile.idlePower === 'd3hot') this.change('D3hot')
    else this.#goingIdle = true
  }

  /** The moment later at which an idle function goes to sleep. */
  settle(): void {
    if (!this.#goingIdle) return
    this.#goingIdle = false
    this.#sleep()
  }

  /** Nobody needs an open function on. One with virtual functions stays on. */
  suspend(): void {
    if (this.#options.hasVirtualFunctions()) return
    // The user may have put it into D3hot: what is saved must be what it has in D0.
    this.change('D0')
    this.#sleep()
  }

  /** Somebody uses it again, or resets it. @returns whether it had really been asleep */
  active(): boolean {
    this.#goingIdle = false
    if (this.#options.profile.idlePower === 'd3hot') this.change('D0')
    return this.resume()
  }

  /** Ends {@link suspend} or an idle sleep. @returns whether it had been asleep */
  resume(): boolean {
    const saved = this.#suspended
    if (saved === undefined) return false
    this.#suspended = undefined
    changePower(this.#options.hardware, 'D0')
    saved.restore()
    return true
  }

  #sleep(): void {
    this.#suspended = new SavedState(this.#options.hardware)
    changePower(this.#options.hardware, 'D3hot')
  }
}
