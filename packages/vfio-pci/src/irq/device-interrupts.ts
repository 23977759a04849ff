/**
 * The interrupts of one open device, and SET_IRQS. At most one of INTx, MSI and MSI-X is enabled.
 *
 * All of it happens under igate, which is outer to the memory lock (H6). Kernel: `vfio_pci_set_irqs_ioctl`.
 */
import { acquire, effect, type Mutex, type Operation, release } from '@vfiokit/locking'
import { type IoctlCall, PCI_IRQ, VfioError } from '@vfiokit/vfio-core'
import type { OpenPciDevice } from '../open-pci-device.ts'
import { EventSlot } from './event-slot.ts'
import { interruptCount } from './interrupt-kind.ts'
import { type InterruptRequest, interruptRequest } from './interrupt-request.ts'
import { Intx } from './intx.ts'
import { MessageInterrupts, type MessageKind } from './message-interrupts.ts'

/** Does a request, and answers what the ioctl returns. */
type Handler = (request: InterruptRequest) => Operation<number>

/** INTx, MSI, MSI-X, ERR and REQ of one open device. */
export class DeviceInterrupts {
  /** An error of the device was reported to the host (AER). */
  readonly error: EventSlot
  /** The host wants the device back. */
  readonly request: EventSlot
  readonly #open: OpenPciDevice
  readonly #igate: Mutex
  readonly #intx: Intx
  #messages: MessageInterrupts | undefined
  readonly #handlers: ReadonlyMap<number, Partial<Record<'mask' | 'unmask' | 'trigger', Handler>>>

  constructor(open: OpenPciDevice, igate: Mutex) {
    this.#open = open
    this.#igate = igate
    this.#intx = new Intx(open.hardware, open.pin, open.profile)
    this.error = new EventSlot(open.profile)
    this.request = new EventSlot(open.profile)
    const changeIntx: Handler = (request) => this.#now('INTx mask', () => this.#changeIntx(request))
    const slot = (place: EventSlot): Handler => {
      return (request) => this.#now('event slot', () => place.trigger(request))
    }
    this.#handlers = new Map([
      [
        PCI_IRQ.INTX,
        {
          mask: changeIntx,
          unmask: changeIntx,
          trigger: (request: InterruptRequest) => this.#now('INTx', () => this.#triggerIntx(request)),
        },
      ],
      [PCI_IRQ.MSI, { trigger: (request: InterruptRequest) => this.#triggerMessages('msi', request) }],
      [PCI_IRQ.MSIX, { trigger: (request: InterruptRequest) => this.#triggerMessages('msix', request) }],
      [PCI_IRQ.ERR, { trigger: slot(this.error) }],
      [PCI_IRQ.REQ, { trigger: slot(this.request) }],
    ])
  }

  /** Which kind is enabled. */
  get enabled(): 'intx' | MessageKind | undefined {
    return this.#intx.isActive ? 'intx' : this.#messages?.kind
  }

  /**
   * VFIO_DEVICE_SET_IRQS.
   *
   * @returns 0, or how many vectors there are when fewer than asked for: nothing is enabled then.
   */
  *set(call: IoctlCall): Operation<number> {
    const request = interruptRequest(call, (index) => interruptCount(this.#open, index))
    yield* acquire(this.#igate)
    try {
      const handler = request.action && this.#handlers.get(request.index)?.[request.action]
      if (handler === undefined)
        throw new VfioError('ENOTTY', 'unsupported', `interrupt index ${request.index} cannot do that`)
      return yield* handler(request)
    } finally {
      yield* release(this.#igate)
    }
  }

  /** Follows the interrupt-disable bit that the user wrote. */
  *follow(disabled: boolean): Operation<void> {
    if (disabled === this.#intx.isHeld) return
    yield* acquire(this.#igate)
    try {
      yield* effect('interrupt disable', [undefined], () => this.#intx.follow(disabled))
    } finally {
      yield* release(this.#igate)
    }
  }

  /** Last close: everything off. */
  *close(): Operation<void> {
    yield* acquire(this.#igate)
    try {
      yield* effect('INTx off', [undefined], () => this.#intx.disable())
      yield* this.#disableMessages()
      this.error.clear()
      this.request.clear()
    } finally {
      yield* release(this.#igate)
    }
  }

  *#now(name: string, act: () => void): Operation<number> {
    yield* effect(name, [undefined], act)
    return 0
  }

  #changeIntx(request: InterruptRequest): void {
    if (!this.#intx.isActive) throw notActive('INTx')
    this.#intx.change(request)
  }

  #triggerIntx(request: InterruptRequest): void {
    const { count, data } = request
    if (data.kind === 'none' && count === 0 && this.#intx.isActive) return this.#intx.disable()
    if (this.#messages !== undefined) throw otherKind(this.#messages.kind)
    if (count !== 1) throw new VfioError('EINVAL', 'bad-count', 'there is one INTx')
    if (data.kind === 'eventfd') return this.#intx.setTrigger(request)
    if (!this.#intx.isActive) throw notActive('INTx')
    if (data.kind === 'none' || data.values[0]!) this.#intx.send()
  }

  *#triggerMessages(kind: MessageKind, request: InterruptRequest): Operation<number> {
    const { start, count, data } = request
    const active = this.#messages
    if (data.kind === 'none' && count === 0 && active?.kind === kind) {
      yield* this.#disableMessages()
      return 0
    }
    if (this.enabled !== undefined && this.enabled !== kind) throw otherKind(this.enabled)
    if (active === undefined)
      return data.kind === 'eventfd' ? yield* this.#enableMessages(kind, request) : refuseInactive(kind)
    if (!this.#open.profile.dynamicMsix && start + count > active.enabledTogether)
      throw new VfioError('EINVAL', 'bad-count', `${active.enabledTogether} vectors are enabled`)
    if (data.kind === 'eventfd') yield* active.setTriggers(request)
    else yield* effect(`${kind} loopback`, [undefined], () => active.send(request))
    return 0
  }

  *#enableMessages(kind: MessageKind, request: InterruptRequest): Operation<number> {
    const enabled = yield* MessageInterrupts.enable(this.#open, kind, request.start + request.count)
    if (typeof enabled === 'number') return enabled
    this.#messages = enabled
    try {
      yield* enabled.setTriggers(request)
    } catch (error) {
      yield* this.#disableMessages()
      throw error
    }
    return 0
  }

  *#disableMessages(): Operation<void> {
    const messages = this.#messages
    if (messages === undefined) return
    yield* messages.disable()
    this.#messages = undefined
  }
}

function notActive(kind: string): VfioError {
  return new VfioError('EINVAL', 'irq-not-active', `${kind} is not enabled`)
}

function refuseInactive(kind: string): never {
  throw notActive(kind)
}

function otherKind(kind: string): VfioError {
  return new VfioError('EINVAL', 'irq-busy', `${kind} is enabled; it has to be disabled first`)
}
