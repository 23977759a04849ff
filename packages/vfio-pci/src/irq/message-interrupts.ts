/**
 * MSI and MSI-X for the user: eventfds by vector. Kernel: `vfio_pci_set_msi_trigger`.
 *
 * The table of MSI-X is reached through a BAR, so whatever touches it excludes readers of the device's
 * memory and turns decoding on for the moment; nothing is zapped for that (T70).
 */
import { effect, type Operation } from '@vfiokit/locking'
import { CAPABILITY_ID } from '@vfiokit/topology'
import { type Eventfd, type Process, VfioError } from '@vfiokit/vfio-core'
import { COMMAND, HEADER } from '../config/register-permissions.ts'
import { capabilityOffset } from '../config/virtual-config.ts'
import type { OpenPciDevice } from '../open-pci-device.ts'
import { growsVectors } from './interrupt-kind.ts'
import { type InterruptRequest, isChosen, triggerOf } from './interrupt-request.ts'
import { MsiRegisters, MsixRegisters } from './message-registers.ts'
import { MessageVectors, type MessageVectorsOptions } from './message-vectors.ts'

/** Which of the two. */
export type MessageKind = 'msi' | 'msix'

/** The enabled messages of one open device. Whoever calls holds igate. */
export class MessageInterrupts {
  readonly #open: OpenPciDevice
  readonly #vectors: MessageVectors
  readonly #triggers = new Map<number, Eventfd>()

  private constructor(
    open: OpenPciDevice,
    readonly kind: MessageKind,
    /** Vectors that were enabled together; older kernels know no others. */
    readonly enabledTogether: number,
    vectors: MessageVectors,
  ) {
    this.#open = open
    this.#vectors = vectors
  }

  /**
   * @returns how many vectors there are when those are too few; nothing is enabled then.
   * @throws VfioError ERANGE for none, EINVAL outside D0, ENOSPC when there is no vector at all.
   */
  static *enable(
    open: OpenPciDevice,
    kind: MessageKind,
    count: number,
  ): Operation<MessageInterrupts | number> {
    const { hardware, device } = open
    if (count === 0) throw new VfioError('ERANGE', 'bad-count', 'no vector to enable')
    if (hardware.powerState !== 'D0')
      throw new VfioError('EINVAL', 'unsupported', `${device.id} is in ${hardware.powerState}`)
    const vectors = yield* withMemory(open, `${kind} of ${device.id} on`, () =>
      MessageVectors.enable(vectorsOptions(open, kind), count),
    )
    if (vectors === 0) throw new VfioError('ENOSPC', 'entry-limit', 'no interrupt vector is left')
    if (typeof vectors === 'number') return vectors
    if (kind === 'msi') {
      open.msi.isActive = true
      open.msi.vectorsLog2 = Math.ceil(Math.log2(count))
    }
    return new MessageInterrupts(open, kind, count, vectors)
  }

  /** EVENTFD for the vectors of a request. When one fails, it and those before it have none afterwards. */
  *setTriggers({ process, start, data }: InterruptRequest): Operation<void> {
    if (data.kind !== 'eventfd') throw new TypeError('triggers are eventfds')
    for (const [at, fd] of data.fds.entries())
      try {
        yield* this.#setTrigger(process, start + at, fd)
      } catch (error) {
        for (let vector = start; vector <= start + at; vector++) yield* this.#clearTrigger(vector)
        throw error
      }
  }

  /** NONE or BOOL: sends events without the device, to vectors that have an eventfd. */
  send({ start, count, data }: InterruptRequest): void {
    for (let at = 0; at < count; at++) if (isChosen(data, at)) this.#triggers.get(start + at)?.signal()
  }

  *disable(): Operation<void> {
    const { msi, device } = this.#open
    this.#triggers.clear()
    yield* withMemory(this.#open, `${this.kind} of ${device.id} off`, () => this.#vectors.disable())
    msi.isActive = false
  }

  *#setTrigger(process: Process, vector: number, fd: number): Operation<void> {
    yield* this.#clearTrigger(vector)
    if (fd < 0) return
    if (!this.#vectors.has(vector)) yield* this.#addVector(vector)
    const trigger = triggerOf(process, fd)!
    yield* withMemory(this.#open, `vector ${vector} on`, () =>
      this.#vectors.connect(vector, () => trigger.signal()),
    )
    this.#triggers.set(vector, trigger)
  }

  *#clearTrigger(vector: number): Operation<void> {
    if (!this.#triggers.delete(vector)) return
    yield* withMemory(this.#open, `vector ${vector} off`, () => this.#vectors.disconnect(vector))
  }

  /** It stays when its eventfd goes. Kernel: `vfio_msi_alloc_irq`. */
  *#addVector(vector: number): Operation<void> {
    if (this.kind === 'msi' || !growsVectors(this.#open))
      throw new VfioError('EINVAL', 'bad-count', `vector ${vector} is not enabled`)
    const added = yield* withMemory(this.#open, `vector ${vector} added`, () => this.#vectors.add(vector))
    if (!added) throw new VfioError('ENOSPC', 'entry-limit', 'no interrupt vector is left')
  }
}

function vectorsOptions(open: OpenPciDevice, kind: MessageKind): MessageVectorsOptions {
  const { hardware, interruptController: controller } = open
  const id = kind === 'msi' ? CAPABILITY_ID.msi : CAPABILITY_ID.msiX
  const at = capabilityOffset(hardware, id)!
  return {
    hardware,
    controller,
    inBlock: kind === 'msi',
    registers:
      kind === 'msi' ? new MsiRegisters(hardware, at) : new MsixRegisters(hardware, at, open.msixTable!),
  }
}

/** Runs with readers excluded and memory decoding on. Kernel: `vfio_pci_memory_lock_and_enable`. */
function withMemory<T>(open: OpenPciDevice, name: string, act: () => T): Operation<T> {
  const { device, hardware } = open
  return device.strategy.exclude(device, 'lock-only', () =>
    effect<T>(name, [], () => {
      const command = hardware.readConfig(HEADER.COMMAND, 2)
      hardware.writeConfig(HEADER.COMMAND, 2, command | COMMAND.MEMORY)
      try {
        return act()
      } finally {
        hardware.writeConfig(HEADER.COMMAND, 2, command)
      }
    }),
  )
}
