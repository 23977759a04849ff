/** MsiSource: interrupt messages by the MSI capability, with its optional upper address and per-vector masks. */
import type { ConfigRegisters } from './config-registers.ts'
import type { MessageSource, SendMessage } from './message-source.ts'

const ENABLE = 0x1
const MASKABLE = 0x100
const ADDRESS_64 = 0x80

export class MsiSource implements MessageSource {
  readonly #registers: ConfigRegisters
  readonly #start: number
  readonly #send: SendMessage
  readonly #data: number
  /** Mask register; the pending one follows. Undefined without per-vector masks. */
  readonly #mask: number | undefined

  /** @param start of the capability, whose registers lie inside the space */
  constructor(registers: ConfigRegisters, start: number, send: SendMessage) {
    this.#registers = registers
    this.#start = start
    this.#send = send
    const is64 = (this.#flags & ADDRESS_64) !== 0
    this.#data = start + (is64 ? 12 : 8)
    this.#mask = (this.#flags & MASKABLE) === 0 ? undefined : start + (is64 ? 16 : 12)
  }

  get enabled(): boolean {
    return (this.#flags & ENABLE) !== 0
  }

  get vectors(): number {
    return this.enabled ? 2 ** ((this.#flags >>> 4) & 7) : 0
  }

  get watched(): readonly number[] {
    return this.#mask === undefined ? [this.#start] : [this.#start, this.#mask]
  }

  send(vector: number): void {
    if (this.#mask !== undefined && ((this.#registers.peek(this.#mask, 4) >>> vector) & 1) === 1) {
      this.#setPending(vector, true)
      return
    }
    const upper = this.#data === this.#start + 12 ? this.#registers.peek(this.#start + 8, 4) : 0
    const address = (BigInt(upper) << 32n) | BigInt(this.#registers.peek(this.#start + 4, 4))
    // The device owns as many low bits of the data as it has vectors.
    this.#send(address, (this.#registers.peek(this.#data, 2) & ~(this.vectors - 1)) | vector)
  }

  update(): void {
    if (this.#mask === undefined || !this.enabled) return
    const due = this.#registers.peek(this.#mask + 4, 4) & ~this.#registers.peek(this.#mask, 4)
    for (let vector = 0; vector < this.vectors; vector += 1) {
      if (((due >>> vector) & 1) === 0) continue
      this.#setPending(vector, false)
      this.send(vector)
    }
  }

  get #flags(): number {
    return this.#registers.peek(this.#start + 2, 2)
  }

  #setPending(vector: number, pending: boolean): void {
    const register = this.#mask! + 4 + (vector >= 16 ? 2 : 0)
    const bit = 1 << (vector % 16)
    this.#registers.assign16(register, bit, pending ? bit : 0)
  }
}
