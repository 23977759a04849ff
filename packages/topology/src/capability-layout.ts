/**
 * CapabilityLayout: the registers of one capability as data: from it values are decoded, and a described
 * capability is composed. Offsets count from the start of the capability, its header included.
 */
import type { ConfigSpace } from './config-space.ts'

export type FieldValue = boolean | number | string

export interface Field {
  readonly name: string
  readonly offset: number
  readonly widthBytes: 1 | 2 | 4
  /** Lowest bit in the register. */
  readonly low: number
  readonly bits: number
  /** A one-bit field reads as a boolean. */
  readonly flag: boolean
  /** Words for the values of the field; a value without one is a number. */
  readonly words?: readonly (string | undefined)[]
}

export interface CapabilityLayout {
  readonly id: number
  readonly extended: boolean
  /** Bytes that the fixed part takes, header included. */
  readonly sizeBytes: number
  readonly fields: readonly Field[]
  /** What follows the fixed part: its length depends on what it says. undefined: there is nothing more to say. */
  readonly more?: (config: ConfigSpace, offset: number) => Readonly<Record<string, unknown>>
}

/** Fields of one register: `register(0x04, 4)` then flags, numbers and words by bit. */
export interface RegisterFields {
  flag(name: string, bit: number): Field
  number(name: string, low?: number, bits?: number): Field
  words(name: string, low: number, bits: number, words: readonly (string | undefined)[]): Field
}

export function register(offset: number, widthBytes: 1 | 2 | 4): RegisterFields {
  const place = { offset, widthBytes }
  return {
    flag: (name, bit) => ({ name, ...place, low: bit, bits: 1, flag: true }),
    number: (name, low = 0, bits = 8 * widthBytes - low) => ({ name, ...place, low, bits, flag: false }),
    words: (name, low, bits, words) => ({ name, ...place, low, bits, flag: false, words }),
  }
}

const READERS = { 1: 'read8', 2: 'read16', 4: 'read32' } as const

/** Bits of a register; beyond 31 bits shifts would go wrong, so powers of two do it. */
function extract(value: number, low: number, bits: number): number {
  return Math.floor(value / 2 ** low) % 2 ** bits
}

function readField(config: ConfigSpace, capability: number, field: Field): FieldValue | undefined {
  const at = capability + field.offset
  if (!config.has(at, field.widthBytes)) return undefined
  const value = extract(config[READERS[field.widthBytes]](at), field.low, field.bits)
  return field.flag ? value === 1 : (field.words?.[value] ?? value)
}

/** All fields by name; one whose bytes are not known is left out. */
export function readFields(
  config: ConfigSpace,
  capability: number,
  fields: readonly Field[],
): Readonly<Record<string, FieldValue>> {
  const values: Record<string, FieldValue> = {}
  for (const field of fields) {
    const value = readField(config, capability, field)
    if (value !== undefined) values[field.name] = value
  }
  return values
}

/** The number that stands for a value in its field; undefined when the field cannot hold it. */
export function fieldNumber(field: Field, value: FieldValue): number | undefined {
  if (typeof value === 'boolean') return field.flag ? Number(value) : undefined
  const known = typeof value === 'string' ? (field.words?.indexOf(value) ?? -1) : value
  return Number.isInteger(known) && known >= 0 && known < 2 ** field.bits ? known : undefined
}
