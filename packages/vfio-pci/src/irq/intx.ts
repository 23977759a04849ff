/**
 * INTx: one level-triggered line, masked as soon as it comes and until the user unmasks it.
 *
 *   line rises -> masked -> eventfd -> (user serves the device) -> unmask -> still up? the eventfd again
 *
 * The interrupt-disable bit of the command register masks too, as a second reason. Kernel:
 * `vfio_pci_intrs.c`, INTx; `pci_check_and_mask_intx`, `pci_check_and_unmask_intx`.
 */
import type { PciHardware } from '@vfiokit/hardware'
import { effect } from '@vfiokit/locking'
import { type Eventfd, VfioError } from '@vfiokit/vfio-core'
import { COMMAND, HEADER } from '../config/register-permissions.ts'

/** Status: the device asks for an interrupt, whether it may or not. */
const INTERRUPT_STATUS = 0x08

/** The line of one open device. */
export class Intx {
  /** The user's interrupt-disable bit, as far as it was acted upon. Kernel: `virq_disabled`. */
  #disabledByUser = false
  #active: { trigger: Eventfd | undefined; masked: boolean; stop: () => void } | undefined
  #unmaskedBy: (() => void) | undefined

  constructor(readonly hardware: PciHardware) {}

  get isActive(): boolean {
    return this.#active !== undefined
  }

  /** Starts delivering; without a trigger interrupts are masked and told to nobody. */
  enable(trigger: Eventfd | undefined): void {
    const stop = this.hardware.interrupts.onIntx((asserted) => {
      if (asserted) this.#raised()
    })
    this.#active = { trigger, masked: this.#disabledByUser, stop }
    this.#setHardwareDisabled(this.#disabledByUser)
    if (this.hardware.interrupts.intxAsserted) this.#raised()
  }

  /** Another trigger, or none. Whoever is in the old one has left it. */
  setTrigger(trigger: Eventfd | undefined): void {
    if (this.#active !== undefined) this.#active.trigger = trigger
  }

  disable(): void {
    this.#active?.stop()
    this.#active = undefined
    this.detachUnmask()
  }

  /** What an interrupt does, without one: a loopback test of the user's. */
  send(): void {
    if (!this.#disabledByUser) this.#active?.trigger?.signal()
  }

  mask(): void {
    if (this.#active?.masked === true) return
    this.#setHardwareDisabled(true)
    if (this.#active !== undefined) this.#active.masked = true
  }

  /** Sends at once what is still pending, and stays masked then. */
  unmask(): void {
    if (this.#active === undefined) return this.#setHardwareDisabled(false)
    if (!this.#active.masked || this.#disabledByUser) return
    if (this.#isPending) return this.send()
    this.#active.masked = false
    this.#setHardwareDisabled(false)
  }

  /** Unmasks whenever an eventfd is signalled. @throws VfioError EBUSY when one does already. */
  attachUnmask(eventfd: Eventfd): void {
    if (this.#unmaskedBy !== undefined)
      throw new VfioError('EBUSY', 'busy-interrupt', 'an eventfd unmasks INTx already')
    this.#unmaskedBy = eventfd.attach(() => effect('unmask INTx', [undefined], () => this.unmask()))
  }

  detachUnmask(): void {
    this.#unmaskedBy?.()
    this.#unmaskedBy = undefined
  }

  /** Acts on the user's interrupt-disable bit when it changed. Kernel: `vfio_basic_config_write`. */
  followDisableBit(disabled: boolean): void {
    if (disabled === this.#disabledByUser) return
    // The bit counts as set while masking, and as clear while unmasking: what is pending is delivered.
    this.#disabledByUser = disabled
    if (disabled) this.mask()
    else this.unmask()
  }

  #raised(): void {
    if (this.#active === undefined || this.#active.masked) return
    this.#active.masked = true
    this.#setHardwareDisabled(true)
    this.send()
  }

  get #isPending(): boolean {
    return (this.hardware.readConfig(HEADER.STATUS, 2) & INTERRUPT_STATUS) !== 0
  }

  #setHardwareDisabled(disabled: boolean): void {
    const command = this.hardware.readConfig(HEADER.COMMAND, 2)
    const wanted = disabled ? command | COMMAND.INTX_DISABLE : command & ~COMMAND.INTX_DISABLE
    if (wanted !== command) this.hardware.writeConfig(HEADER.COMMAND, 2, wanted)
  }
}
