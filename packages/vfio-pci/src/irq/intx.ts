/**
 * INTx: a level, so each event masks it until the user has dealt with the device.
 *
 *     device raises its pin -> masked in hardware -> eventfd -> user serves the device, unmasks
 *     -> still raised: masked again, another event
 *
 * Masking is the interrupt-disable bit of COMMAND; a function without that bit is masked at the host's
 * interrupt controller. What the user writes to the bit masks too, and holds events back.
 * Kernel: `vfio_intx_handler`, `vfio_pci_intx_mask`, `vfio_pci_intx_unmask_handler`.
 */
import type { PciHardware } from '@vfiokit/hardware'
import { type Eventfd, type KernelProfile, VfioError } from '@vfiokit/vfio-core'
import { HEADER } from '../config/register-permissions.ts'
import { watchEventfd } from './event-watch.ts'
import type { PinUse } from './interrupt-pin.ts'
import { type InterruptRequest, isChosen, triggerOf } from './interrupt-request.ts'
import { disablePin } from './message-registers.ts'

const INTERRUPT_STATUS = 0x8

/** The pin of one open device. Nothing here waits; whoever calls holds igate. */
export class Intx {
  readonly #hardware: PciHardware
  readonly #profile: KernelProfile
  /** The bit exists. Kernel: `pci_2_3`. */
  readonly #masksItself: boolean
  #active: { stop: () => void; trigger: Eventfd | undefined } | undefined
  #masked = false
  /** The user wants no interrupts. Kernel: `virq_disabled`. */
  #held = false
  #unmaskWatch: (() => void) | undefined

  constructor(hardware: PciHardware, pin: PinUse, profile: KernelProfile) {
    this.#hardware = hardware
    this.#profile = profile
    this.#masksItself = pin === 'by-command'
    if (pin !== 'at-controller') this.#disableBit(pin === 'unused')
  }

  get isActive(): boolean {
    return this.#active !== undefined
  }

  /** The user's bit, as it was followed last. */
  get isHeld(): boolean {
    return this.#held
  }

  /** @throws VfioError EBADF or EINVAL for a bad descriptor; nothing has changed then. */
  setTrigger({ process, data }: InterruptRequest): void {
    if (data.kind !== 'eventfd') throw new TypeError('a trigger is an eventfd')
    const trigger = triggerOf(process, data.fds[0]!)
    if (this.#active === undefined) this.#enable(trigger)
    else this.#active.trigger = trigger
  }

  disable(): void {
    this.#unwatch()
    this.#active?.stop()
    this.#active = undefined
  }

  /** Sends the event without the device. */
  send(): void {
    if (!this.#held) this.#active?.trigger?.signal()
  }

  mask(): void {
    if (!this.isActive) {
      if (this.#masksItself) this.#disableBit(true)
      return
    }
    if (this.#masked) return
    this.#masked = true
    if (this.#masksItself) this.#disableBit(true)
  }

  unmask(): void {
    if (!this.isActive) {
      if (this.#masksItself) this.#disableBit(false)
      return
    }
    if (!this.#masked || this.#held) return
    if (this.#masksItself && this.#isPending) return this.send()
    this.#masked = false
    if (this.#masksItself) this.#disableBit(false)
    this.#raised(this.#hardware.interrupts.intxAsserted)
  }

  /** MASK or UNMASK of a request that fits. */
  change({ action, data, process }: InterruptRequest): void {
    if (data.kind !== 'eventfd') {
      if (isChosen(data, 0)) action === 'mask' ? this.mask() : this.unmask()
      return
    }
    if (action === 'mask') throw new VfioError('ENOTTY', 'unsupported', 'INTx is not masked by an eventfd')
    this.#unmaskBy(triggerOf(process, data.fds[0]!))
  }

  /** Follows the interrupt-disable bit of the user. */
  follow(disabled: boolean): void {
    if (disabled === this.#held) return
    this.#held = disabled
    if (disabled) this.mask()
    else this.unmask()
  }

  #enable(trigger: Eventfd | undefined): void {
    this.#masked = this.#held
    if (this.#masksItself) this.#disableBit(this.#masked)
    const { interrupts } = this.#hardware
    this.#active = { trigger, stop: interrupts.onIntx((asserted) => this.#raised(asserted)) }
    this.#raised(interrupts.intxAsserted)
  }

  #raised(asserted: boolean): void {
    if (!asserted || !this.isActive || this.#masked) return
    this.#masked = true
    if (this.#masksItself) this.#disableBit(true)
    this.send()
  }

  #unmaskBy(eventfd: Eventfd | undefined): void {
    if (eventfd === undefined) return this.#unwatch()
    if (this.#unmaskWatch !== undefined)
      throw new VfioError('EBUSY', 'irq-busy', 'another eventfd unmasks INTx already')
    const forget = () => {
      this.#unmaskWatch = undefined
    }
    this.#unmaskWatch = watchEventfd(eventfd, this.#profile, () => this.unmask(), forget)
  }

  #unwatch(): void {
    this.#unmaskWatch?.()
    this.#unmaskWatch = undefined
  }

  get #isPending(): boolean {
    return (this.#hardware.readConfig(HEADER.STATUS, 2) & INTERRUPT_STATUS) !== 0
  }

  #disableBit(on: boolean): void {
    disablePin(this.#hardware, on)
  }
}
