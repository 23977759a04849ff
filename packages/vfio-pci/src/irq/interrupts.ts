/**
 * The interrupts of one open device: none, or the line, or one kind of message; and two without hardware.
 *
 * Everything that changes them runs under one lock (the kernel's `igate`), outside the memory lock.
 * Kernel: `vfio_pci_set_irqs_ioctl`, `vfio_pci_set_intx_trigger`, `vfio_pci_set_msi_trigger`.
 */
import type { InterruptController } from '@vfiokit/hardware'
import { acquire, effect, type Mutex, type Operation, release } from '@vfiokit/locking'
import { CAPABILITY_ID } from '@vfiokit/topology'
import {
  type Eventfd,
  eventfdOf,
  type KernelProfile,
  PCI_IRQ,
  type Process,
  VfioError,
} from '@vfiokit/vfio-core'
import { COMMAND, HEADER } from '../config/register-permissions.ts'
import { capabilityOffset } from '../config/virtual-config.ts'
import type { OpenPciDevice } from '../open-pci-device.ts'
import { Intx } from './intx.ts'
import { irqCount } from './irq-count.ts'
import { type IrqRequest, irqRequest } from './irq-request.ts'
import { type MessageRegisters, MsiRegisters, MsixRegisters } from './message-registers.ts'
import { MessageVectors } from './message-vectors.ts'
import { SingleTrigger } from './single-trigger.ts'

/** What the function interrupts with. */
export type InterruptMode = 'none' | 'intx' | 'msi' | 'msix'

const MESSAGE_MODES: Readonly<Record<number, 'msi' | 'msix'>> = {
  [PCI_IRQ.MSI]: 'msi',
  [PCI_IRQ.MSIX]: 'msix',
}

/** What {@link Interrupts} are made of. */
export interface InterruptsInit {
  readonly open: OpenPciDevice
  readonly controller: InterruptController
  readonly profile: KernelProfile
  readonly lock: Mutex
}

/** Interrupts of one open device. */
export class Interrupts {
  readonly errors: SingleTrigger = new SingleTrigger()
  readonly request: SingleTrigger = new SingleTrigger()
  readonly #open: OpenPciDevice
  readonly #controller: InterruptController
  readonly #profile: KernelProfile
  readonly #lock: Mutex
  readonly #intx: Intx
  #messages: { readonly mode: 'msi' | 'msix'; readonly vectors: MessageVectors } | undefined

  constructor({ open, controller, profile, lock }: InterruptsInit) {
    this.#open = open
    this.#controller = controller
    this.#profile = profile
    this.#lock = lock
    this.#intx = new Intx(open.hardware)
  }

  get mode(): InterruptMode {
    if (this.#intx.isActive) return 'intx'
    return this.#messages?.mode ?? 'none'
  }

  /**
   * SET_IRQS.
   *
   * @returns 0, or how many vectors there would be when fewer are free than MSI asks for.
   * @throws VfioError EINVAL for a request that cannot be, ENOTTY for an action that the kind does not
   *   have, EBADF and EINVAL for a descriptor that is no eventfd, EBUSY for a second unmask eventfd.
   */
  *set(process: Process, argument: Uint8Array): Operation<number> {
    const request = irqRequest(process, argument, (index) => irqCount(this.#open, index))
    yield* acquire(this.#lock)
    try {
      return yield* this.#dispatch(request)
    } finally {
      yield* release(this.#lock)
    }
  }

  /** Makes the hardware follow the user's interrupt-disable bit. The memory lock is not held. */
  *followDisableBit(disabled: boolean): Operation<void> {
    yield* effect('interrupt disable', [undefined], () => this.#intx.followDisableBit(disabled))
  }

  /** After a reset put the registers back to what the kernel has in mind. Kernel: `pci_restore_msi_state`. */
  restore(): void {
    this.#withMemory(() => this.#messages?.vectors.restore())
  }

  /** Last close. */
  disable(): void {
    this.#intx.disable()
    this.#withMemory(() => this.#messages?.vectors.disable())
    this.#messages = undefined
  }

  #dispatch(request: IrqRequest): Operation<number> {
    const { index, action } = request
    if (index === PCI_IRQ.INTX && action !== undefined) return this.#setIntx(request, action)
    const mode = MESSAGE_MODES[index]
    if (mode !== undefined && action === 'trigger') return this.#setMessages(request, mode)
    if (action === 'trigger') return this.#setSingle(request)
    throw unknownAction(request)
  }

  // biome-ignore lint/correctness/useYield: a handler is an operation, whether it waits or not
  *#setSingle(request: IrqRequest): Operation<number> {
    const trigger = request.index === PCI_IRQ.ERR ? this.errors : this.request
    trigger.set(request, this.#profile)
    return 0
  }

  *#setIntx(request: IrqRequest, action: 'mask' | 'unmask' | 'trigger'): Operation<number> {
    yield* effect('set INTx', [undefined], () => {
      if (action === 'trigger') this.#triggerIntx(request)
      else this.#maskIntx(request, action)
    })
    return 0
  }

  #maskIntx(request: IrqRequest, action: 'mask' | 'unmask'): void {
    const { data, process } = request
    if (!this.#intx.isActive) throw new VfioError('EINVAL', 'no-interrupt', 'INTx is not enabled')
    requireOne(request)
    if (data.kind === 'none' || (data.kind === 'bool' && data.values[0])) return this.#intx[action]()
    if (data.kind === 'bool') return
    if (action === 'mask') throw unknownAction(request)
    const fd = data.fds[0]!
    if (fd < 0) this.#intx.detachUnmask()
    else this.#intx.attachUnmask(eventfdOf(process, fd))
  }

  #triggerIntx(request: IrqRequest): void {
    const { count, data } = request
    const active = this.#intx.isActive
    if (active && count === 0 && data.kind === 'none') return this.#intx.disable()
    if (!active && this.mode !== 'none') throw otherMode(this.mode)
    requireOne(request)
    if (data.kind === 'eventfd') return this.#setIntxTrigger(request.process, data.fds[0]!)
    if (!active) throw new VfioError('EINVAL', 'no-interrupt', 'INTx is not enabled')
    if (data.kind === 'none' || data.values[0]) this.#intx.send()
  }

  /** A wrong descriptor leaves the old trigger only where it is looked up first. */
  #setIntxTrigger(process: Process, fd: number): void {
    const active = this.#intx.isActive
    if (active && !this.#profile.intxEventfdFirst) this.#intx.setTrigger(undefined)
    const trigger = fd < 0 ? undefined : eventfdOf(process, fd)
    if (active) this.#intx.setTrigger(trigger)
    else this.#intx.enable(trigger)
  }

  *#setMessages(request: IrqRequest, mode: 'msi' | 'msix'): Operation<number> {
    const { count, data, start } = request
    if (this.mode === mode && count === 0 && data.kind === 'none') {
      yield* this.#touch(() => this.#disableMessages())
      return 0
    }
    if (this.mode !== mode && this.mode !== 'none') throw otherMode(this.mode)
    if (data.kind === 'eventfd') {
      if (this.#messages === undefined) return yield* this.#enableMessages(request, mode, data.fds)
      yield* this.#setBlock(request, data.fds)
      return 0
    }
    const { vectors } = this.#messages ?? {}
    if (vectors === undefined) throw new VfioError('EINVAL', 'no-interrupt', `${mode} is not enabled`)
    if (!this.#profile.dynamicMsix && start + count > vectors.count) throw tooMany(request, vectors.count)
    for (let at = 0; at < count; at++) if (data.kind === 'none' || data.values[at]) vectors.send(start + at)
    return 0
  }

  *#enableMessages(request: IrqRequest, mode: 'msi' | 'msix', fds: readonly number[]): Operation<number> {
    const wanted = request.start + request.count
    // No block of no vectors can be allocated: `__pci_enable_msi_range` with a least of 1.
    if (wanted === 0) throw new VfioError('ERANGE', 'bad-count', `${mode} with no vector`)
    yield* this.#touch(() => {
      const vectors = new MessageVectors(this.#registers(mode), this.#controller, wanted, mode === 'msi')
      this.#messages = { mode, vectors }
      if (mode !== 'msi') return
      this.#open.msi.vectorsLog2 = Math.ceil(Math.log2(wanted))
      this.#open.msi.isActive = true
    })
    try {
      yield* this.#setBlock(request, fds)
    } catch (error) {
      yield* this.#touch(() => this.#disableMessages())
      throw error
    }
    return 0
  }

  /** All of a block, or none: after a descriptor that is none the whole block has no trigger. */
  *#setBlock(request: IrqRequest, fds: readonly number[]): Operation<void> {
    const { mode, vectors } = this.#messages!
    const { start, count, process } = request
    const grows = mode === 'msix' && this.#profile.dynamicMsix
    if (!grows && (start >= vectors.count || start + count > vectors.count))
      throw tooMany(request, vectors.count)
    for (let at = 0; at < count; at++) {
      const vector = start + at
      let trigger: Eventfd | undefined
      let failed: unknown
      yield* this.#touch(() => {
        vectors.setTrigger(vector, undefined)
        try {
          trigger = fds[at]! < 0 ? undefined : eventfdOf(process, fds[at]!)
        } catch (error) {
          failed = error
          for (let undone = start; undone < vector; undone++) vectors.setTrigger(undone, undefined)
          return
        }
        if (trigger !== undefined) vectors.allocate(vector)
        vectors.setTrigger(vector, trigger)
      })
      if (failed !== undefined) throw failed
    }
  }

  #disableMessages(): void {
    this.#messages?.vectors.disable()
    this.#messages = undefined
    this.#open.msi.isActive = false
  }

  /**
   * Touches message registers: the kernel reaches the MSI-X table through the BAR, so memory is on
   * meanwhile and its readers wait. Kernel: `vfio_pci_memory_lock_and_enable`.
   */
  #touch(change: () => void): Operation<void> {
    const { device } = this.#open
    return device.strategy.exclude(device, 'lock-only', () =>
      effect('message registers', [undefined], () => this.#withMemory(change)),
    )
  }

  /** The command register is put back as it was, the interrupt-disable bit that messages set included. */
  #withMemory(change: () => void): void {
    const { hardware } = this.#open
    const command = hardware.readConfig(HEADER.COMMAND, 2)
    hardware.writeConfig(HEADER.COMMAND, 2, command | COMMAND.MEMORY)
    change()
    hardware.writeConfig(HEADER.COMMAND, 2, command)
  }

  #registers(mode: 'msi' | 'msix'): MessageRegisters {
    const { hardware, msixTable } = this.#open
    // A request passes only for an index that has vectors, so the capability is there.
    if (mode === 'msi') return new MsiRegisters(hardware, capabilityOffset(hardware, CAPABILITY_ID.msi)!)
    return new MsixRegisters(hardware, capabilityOffset(hardware, CAPABILITY_ID.msiX)!, msixTable!)
  }
}

function requireOne({ start, count }: IrqRequest): void {
  if (start !== 0 || count !== 1)
    throw new VfioError('EINVAL', 'bad-count', `vectors ${start} + ${count} of 1`)
}

function otherMode(mode: InterruptMode): VfioError {
  return new VfioError('EINVAL', 'busy-interrupt', `${mode} is enabled`)
}

function tooMany({ start, count }: IrqRequest, vectors: number): VfioError {
  return new VfioError('EINVAL', 'bad-count', `vectors ${start} + ${count} of ${vectors}`)
}

function unknownAction({ index, action }: IrqRequest): VfioError {
  return new VfioError(
    'ENOTTY',
    'unsupported',
    `interrupts ${index} do not ${action ?? 'do several things at once'}`,
  )
}
