/**
 * MsixSource: interrupt messages by the MSI-X capability, with its table and pending bits inside a BAR.
 *
 * | entry | |
 * |---|---|
 * | 0, 4 | address, low and high |
 * | 8 | data |
 * | 12 | vector control: bit 0 masks |
 *
 * The table takes accesses of 4 bytes, and of 8 as two of 4. Narrower ones read 0 and are ignored, as measured (the
 * specification leaves them undefined). After FLR and bus reset every entry is zero and masked.
 */
import type { BarIndex } from '@vfiokit/topology'
import type { ConfigRegisters } from './config-registers.ts'
import type { MessageSource, SendMessage } from './message-source.ts'

const ENABLE = 0x8000
const FUNCTION_MASK = 0x4000
const ENTRY_BYTES = 16
const CONTROL = 12
const MASKED = 1

export class MsixSource implements MessageSource {
  readonly #registers: ConfigRegisters
  readonly #start: number
  readonly #send: SendMessage
  readonly #table: DataView
  readonly #pending: DataView
  readonly #places: readonly Place[]

  /** @param start of the capability, whose registers lie inside the space */
  constructor(registers: ConfigRegisters, start: number, send: SendMessage) {
    this.#registers = registers
    this.#start = start
    this.#send = send
    const entries = (this.#flags & 0x7ff) + 1
    this.#table = new DataView(new ArrayBuffer(entries * ENTRY_BYTES))
    this.#pending = new DataView(new ArrayBuffer(8 * Math.ceil(entries / 64)))
    this.#places = [
      { ...placeAt(registers.peek(start + 4, 4)), view: this.#table, writable: true },
      { ...placeAt(registers.peek(start + 8, 4)), view: this.#pending, writable: false },
    ]
    this.reset()
  }

  get enabled(): boolean {
    return (this.#flags & ENABLE) !== 0
  }

  get vectors(): number {
    return this.enabled ? this.#table.byteLength / ENTRY_BYTES : 0
  }

  get watched(): readonly number[] {
    return [this.#start]
  }

  send(vector: number): void {
    if (this.#isMasked(vector)) {
      this.#setPending(vector, true)
      return
    }
    const entry = vector * ENTRY_BYTES
    this.#send(this.#table.getBigUint64(entry, true), this.#table.getUint32(entry + 8, true))
  }

  update(): void {
    for (let vector = 0; vector < this.vectors; vector += 1) this.#sendIfDue(vector)
  }

  /** Answers an access to the table or the pending bits. @returns false when it is to neither. */
  read(bar: BarIndex | 'rom', offset: number, out: Uint8Array): boolean {
    const place = this.#placeOf(bar, offset)
    if (place === undefined) return false
    out.fill(0)
    if (out.length < 4) return true
    for (let at = 0; at < out.length; at += 1) {
      const within = offset - place.offset + at
      if (within < place.view.byteLength) out[at] = place.view.getUint8(within)
    }
    return true
  }

  /** Takes a write to the table or the pending bits. @returns false when it is to neither. */
  write(bar: BarIndex, offset: number, data: Uint8Array): boolean {
    const place = this.#placeOf(bar, offset)
    if (place === undefined) return false
    if (!place.writable || data.length < 4) return true
    const first = offset - place.offset
    for (const [at, byte] of data.entries()) {
      if (first + at < place.view.byteLength) place.view.setUint8(first + at, byte)
    }
    this.#sendIfDue(Math.floor(first / ENTRY_BYTES))
    return true
  }

  /** FLR or bus reset. */
  reset(): void {
    for (let at = 0; at < this.#pending.byteLength; at += 1) this.#pending.setUint8(at, 0)
    for (let entry = 0; entry < this.#table.byteLength; entry += ENTRY_BYTES) {
      for (let word = 0; word < CONTROL; word += 4) this.#table.setUint32(entry + word, 0, true)
      this.#table.setUint32(entry + CONTROL, MASKED, true)
    }
  }

  get #flags(): number {
    return this.#registers.peek(this.#start + 2, 2)
  }

  #placeOf(bar: BarIndex | 'rom', offset: number): Place | undefined {
    return this.#places.find(
      (place) => place.bar === bar && offset >= place.offset && offset < place.offset + place.view.byteLength,
    )
  }

  #isMasked(vector: number): boolean {
    const control = this.#table.getUint32(vector * ENTRY_BYTES + CONTROL, true)
    return (this.#flags & FUNCTION_MASK) !== 0 || (control & MASKED) !== 0
  }

  #sendIfDue(vector: number): void {
    const isPending = ((this.#pending.getUint8(vector >>> 3) >>> (vector & 7)) & 1) === 1
    if (!this.enabled || !isPending || this.#isMasked(vector)) return
    this.#setPending(vector, false)
    this.send(vector)
  }

  #setPending(vector: number, pending: boolean): void {
    const bit = 1 << (vector & 7)
    const byte = this.#pending.getUint8(vector >>> 3)
    this.#pending.setUint8(vector >>> 3, pending ? byte | bit : byte & ~bit)
  }
}

interface Place {
  readonly bar: number
  readonly offset: number
  readonly view: DataView
  readonly writable: boolean
}

/** A register that says where a structure is: BAR in the low three bits, the offset in the others. */
function placeAt(register: number): { bar: number; offset: number } {
  return { bar: register & 7, offset: (register & ~7) >>> 0 }
}
