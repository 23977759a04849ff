/**
 * The vectors of MSI or MSI-X while one of them is enabled. Kernel: `vfio_msi_enable`,
 * `vfio_msi_set_block`, `vfio_msi_set_vector_signal`, `vfio_msi_disable`.
 */
import type { InterruptController, InterruptMessage } from '@vfiokit/hardware'
import type { Eventfd } from '@vfiokit/vfio-core'
import type { MessageRegisters } from './message-registers.ts'

interface Vector {
  readonly message: InterruptMessage
  trigger: Eventfd | undefined
}

/** What was allocated, and who is told. Everything is done with memory on and its readers excluded. */
export class MessageVectors {
  readonly #registers: MessageRegisters
  readonly #controller: InterruptController
  /** MSI takes one block of messages; MSI-X one by one. */
  readonly #block: InterruptMessage | undefined
  readonly #vectors = new Map<number, Vector>()

  /** Turns messages on. @param count - vectors from 0 on that exist from now on */
  constructor(
    registers: MessageRegisters,
    controller: InterruptController,
    readonly count: number,
    isBlock: boolean,
  ) {
    this.#registers = registers
    this.#controller = controller
    registers.enable(count)
    this.#block = isBlock ? controller.allocate((vector) => this.#arrived(vector), count) : undefined
    for (let vector = 0; vector < count; vector++) this.#add(vector)
  }

  /** Whether a vector was allocated. */
  has(vector: number): boolean {
    return this.#vectors.has(vector)
  }

  /** One more vector, while messages are on (6.5, `pci_msix_alloc_irq_at`). */
  allocate(vector: number): void {
    if (!this.has(vector)) this.#add(vector)
  }

  /** Who is told about a vector; nobody: it is masked, and its message taken away. */
  setTrigger(vector: number, trigger: Eventfd | undefined): void {
    const entry = this.#vectors.get(vector)
    if (entry === undefined) return
    const had = entry.trigger
    entry.trigger = trigger
    if (trigger === undefined && had !== undefined) this.#registers.clear(vector)
    if (trigger === undefined) return
    this.#registers.program(vector, entry.message)
    this.#registers.setMasked(vector, false)
  }

  /** Tells as if the vector had come: a loopback test of the user's. */
  send(vector: number): void {
    this.#vectors.get(vector)?.trigger?.signal()
  }

  /** After a reset, which took the registers: what was in them. Kernel: `pci_restore_msi_state`. */
  restore(): void {
    this.#registers.enable(this.count)
    for (const [vector, { message, trigger }] of this.#vectors) {
      this.#registers.program(vector, message)
      this.#registers.setMasked(vector, trigger === undefined)
    }
  }

  /** Turns messages off. */
  disable(): void {
    for (const [vector, { trigger }] of this.#vectors)
      if (trigger !== undefined) this.#registers.clear(vector)
    this.#registers.disable()
    if (this.#block !== undefined) this.#controller.free(this.#block)
    else for (const { message } of this.#vectors.values()) this.#controller.free(message)
    this.#vectors.clear()
  }

  #add(vector: number): void {
    const message =
      this.#block === undefined
        ? this.#controller.allocate(() => this.#arrived(vector))
        : { address: this.#block.address, data: this.#block.data + vector }
    this.#vectors.set(vector, { message, trigger: undefined })
    this.#registers.program(vector, message)
  }

  #arrived(vector: number): void {
    this.send(vector)
  }
}
