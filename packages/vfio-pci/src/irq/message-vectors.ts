/**
 * The vectors of a function while MSI or MSI-X is enabled: which are allocated, and which have a handler.
 *
 * They outlive a reset: whoever puts back the state of a function puts them back too, whatever a user
 * wrote over them. Kernel: `struct msi_desc`, `pci_alloc_irq_vectors`, `pci_restore_msi_state`.
 */
import type { InterruptController, InterruptMessage, PciHardware } from '@vfiokit/hardware'
import { disablePin, type MessageRegisters } from './message-registers.ts'

/** Most messages of one block. */
const BLOCK_MAX = 32

interface Vector {
  readonly message: InterruptMessage
  /** The message is in the registers. */
  programmed: boolean
  handler: (() => void) | undefined
}

/** Functions whose messages are programmed here, with those that are on. */
const OWNED = new WeakMap<PciHardware, { readonly enabled: MessageVectors | undefined }>()

/** From now on the messages of a function are what this file makes of them, not what its registers say. */
export function ownMessages(hardware: PciHardware): void {
  OWNED.set(hardware, { enabled: undefined })
}

/** Undoes {@link ownMessages}: another driver may have the function next. */
export function disownMessages(hardware: PciHardware): void {
  OWNED.delete(hardware)
}

/** Whether {@link ownMessages} was said of a function; otherwise a driver that is not modelled has it. */
export function ownsMessages(hardware: PciHardware): boolean {
  return OWNED.has(hardware)
}

/** Puts the messages of a function back after a reset, if it has any. Kernel: `pci_restore_msi_state`. */
export function restoreMessages(hardware: PciHardware): void {
  OWNED.get(hardware)?.enabled?.restore()
}

/** What {@link MessageVectors} needs. */
export interface MessageVectorsOptions {
  readonly hardware: PciHardware
  readonly controller: InterruptController
  readonly registers: MessageRegisters
  /** All vectors are one block of messages, as with MSI. */
  readonly inBlock: boolean
}

/** Enabled vectors. Made by {@link MessageVectors.enable}. */
export class MessageVectors {
  readonly #options: MessageVectorsOptions
  readonly #vectors = new Map<number, Vector>()

  private constructor(options: MessageVectorsOptions) {
    this.#options = options
  }

  /**
   * Allocates vectors 0 to count-1 and turns messages on. Memory decode is on.
   *
   * @returns how many could be had when that is fewer: nothing is allocated or enabled then.
   */
  static enable(options: MessageVectorsOptions, count: number): MessageVectors | number {
    const vectors = new MessageVectors(options)
    const available = options.inBlock ? vectors.#allocateBlock(count) : vectors.#allocateEach(count)
    if (available < count) {
      vectors.#free()
      return available
    }
    const { registers, hardware } = options
    registers.enable(count)
    for (const vector of vectors.#vectors.keys()) vectors.#program(vector)
    disablePin(hardware, true)
    OWNED.set(hardware, { enabled: vectors })
    return vectors
  }

  has(vector: number): boolean {
    return this.#vectors.has(vector)
  }

  /** One more vector while others are on. @returns false when the machine has no message left. */
  add(vector: number): boolean {
    const message = this.#allocate(1, () => this.#arrived(vector))
    if (message === undefined) return false
    this.#vectors.set(vector, { message, programmed: false, handler: undefined })
    return true
  }

  /** Gives a vector a handler, and lets it through. Kernel: `request_irq`. */
  connect(vector: number, handler: () => void): void {
    const entry = this.#vectors.get(vector)!
    entry.handler = handler
    if (!entry.programmed) this.#program(vector)
    this.#options.registers.mask(vector, false)
  }

  /** Kernel: `free_irq`: the message leaves the registers. */
  disconnect(vector: number): void {
    const entry = this.#vectors.get(vector)!
    entry.handler = undefined
    this.#options.registers.mask(vector, true)
    if (this.#options.inBlock) return
    entry.programmed = false
    this.#options.registers.program(vector, undefined)
  }

  /** Turns messages off and gives every vector back. Memory decode is on. */
  disable(): void {
    const { registers, hardware } = this.#options
    OWNED.set(hardware, { enabled: undefined })
    for (const vector of this.#vectors.keys()) {
      registers.mask(vector, true)
      registers.program(vector, undefined)
    }
    registers.disable()
    disablePin(hardware, false)
    this.#free()
  }

  /** Puts everything back into registers that lost it. */
  restore(): void {
    const { registers, hardware } = this.#options
    disablePin(hardware, true)
    registers.enable(this.#vectors.size)
    for (const [vector, { programmed, message, handler }] of this.#vectors) {
      registers.program(vector, programmed ? message : undefined)
      registers.mask(vector, handler === undefined)
    }
  }

  #program(vector: number): void {
    const entry = this.#vectors.get(vector)!
    entry.programmed = true
    this.#options.registers.program(vector, entry.message)
  }

  #arrived(vector: number): void {
    this.#vectors.get(vector)?.handler?.()
  }

  /** @returns how many can be had: `count`, or less with nothing allocated. */
  #allocateBlock(count: number): number {
    const block = this.#allocate(count, (vector) => this.#arrived(vector))
    if (block === undefined) return this.#largestBlock(count)
    for (let vector = 0; vector < count; vector++)
      this.#vectors.set(vector, { message: block, programmed: false, handler: undefined })
    return count
  }

  #largestBlock(count: number): number {
    for (let size = 2 ** Math.floor(Math.log2(count - 1)); size >= 1; size /= 2) {
      const block = this.#allocate(size, () => {})
      if (block === undefined) continue
      this.#options.controller.free(block)
      return size
    }
    return 0
  }

  #allocateEach(count: number): number {
    for (let vector = 0; vector < count; vector++) if (!this.add(vector)) return vector
    return count
  }

  /** Undefined when the machine has no such block left, or knows none so large. */
  #allocate(count: number, handler: (vector: number) => void): InterruptMessage | undefined {
    if (count > BLOCK_MAX) return undefined
    try {
      return this.#options.controller.allocate(handler, count)
    } catch (error) {
      if (error instanceof RangeError) return undefined
      throw error
    }
  }

  #free(): void {
    const messages = new Set([...this.#vectors.values()].map(({ message }) => message))
    for (const message of messages) this.#options.controller.free(message)
    this.#vectors.clear()
  }
}
