/**
 * IntxLine: the interrupt pin of a function.
 *
 * The device asks for a level; Status bit 3 shows it, and the wire follows unless COMMAND disables INTx. So a device
 * that still asks when the disable bit goes away interrupts again.
 */
import type { ConfigRegisters } from './config-registers.ts'
import type { FunctionInterrupts } from './pci-hardware.ts'
import { COMMAND, COMMAND_INTX_DISABLE, STATUS, STATUS_INTX } from './register-layout.ts'

export class IntxLine implements FunctionInterrupts {
  readonly #registers: ConfigRegisters
  readonly #listeners: Set<(asserted: boolean) => void> = new Set()
  #wire = false

  constructor(registers: ConfigRegisters) {
    this.#registers = registers
    // A recorded space may show the level of its device; the one here has not asked yet.
    this.level = false
  }

  get intxAsserted(): boolean {
    return this.#wire
  }

  onIntx(listener: (asserted: boolean) => void): () => void {
    // One entry for each call, also when the same function is given twice.
    const entry = (asserted: boolean): void => listener(asserted)
    this.#listeners.add(entry)
    return () => void this.#listeners.delete(entry)
  }

  /** What the device asks for. */
  set level(level: boolean) {
    this.#registers.assign16(STATUS, STATUS_INTX, level ? STATUS_INTX : 0)
    this.update()
  }

  get level(): boolean {
    return (this.#registers.read(STATUS, 2) & STATUS_INTX) !== 0
  }

  /** Looks at COMMAND again. */
  update(): void {
    const wire = this.level && (this.#registers.read(COMMAND, 2) & COMMAND_INTX_DISABLE) === 0
    if (wire === this.#wire) return
    this.#wire = wire
    for (const listener of [...this.#listeners]) listener(wire)
  }
}
