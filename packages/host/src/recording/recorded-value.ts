/**
 * What a plugin is given and answers, as JSON: bytes as hexadecimal digits, memory by number and not by content.
 */
import { createHash } from 'node:crypto'
import { VfioError } from '@vfiokit/vfio-core'
import { membersOf } from '../hooks/hooks.ts'

/** Anything JSON. */
export type RecordedValue =
  | null
  | boolean
  | number
  | string
  | readonly RecordedValue[]
  | { readonly [key: string]: RecordedValue }

/** Of longer arrays, the number of the memory and its size are written. */
const BYTES_MAX = 4096
/** So many equal bytes are written once, with how often. */
const EQUAL_BYTES_MIN = 16
const DEPTH_MAX = 8
const PAGE_BYTES = 4096

/** Makes values of one run JSON. */
export class RecordedValues {
  readonly #memories = new Map<ArrayBufferLike, number>()

  /** @returns what JSON can hold: nothing becomes null, functions of an object become `members`. */
  of(value: unknown): RecordedValue {
    return this.#of(value, 0)
  }

  #of(value: unknown, depth: number): RecordedValue {
    if (value === undefined || value === null) return null
    if (typeof value === 'bigint') return { bigint: `0x${value.toString(16)}` }
    if (typeof value === 'number') return Number.isFinite(value) ? value : { number: String(value) }
    if (typeof value === 'function') return { function: value.name }
    if (typeof value === 'string' || typeof value === 'boolean') return value
    if (typeof value !== 'object') return String(value)
    if (depth > DEPTH_MAX) return { deeper: Array.isArray(value) ? 'a list' : 'an object' }
    if (ArrayBuffer.isView(value)) return this.#bytes(value)
    if (Array.isArray(value)) return value.map((each) => this.#of(each, depth + 1))
    if (value instanceof Map || value instanceof Set)
      return [...value].map((each) => this.#of(each, depth + 1))
    if (value instanceof Promise) return { promise: true }
    return this.#named(value) ?? this.#page(value) ?? this.#object(value, depth)
  }

  #bytes(view: ArrayBufferView): RecordedValue {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    if (bytes.length > BYTES_MAX) return { memory: this.#number(view.buffer), sizeBytes: bytes.length }
    if (bytes.length >= EQUAL_BYTES_MIN && bytes.every((each) => each === bytes[0]))
      return { hex: hexOf(bytes.subarray(0, 1)), times: bytes.length }
    return { hex: hexOf(bytes) }
  }

  /** Devices and hosts stand for themselves: their data is in the description of the machine. */
  #named(value: object): RecordedValue | undefined {
    const { bdf, function: fn } = value as { bdf?: unknown; function?: { bdf?: unknown } }
    if (typeof bdf === 'string') return { device: bdf }
    return typeof fn?.bdf === 'string' ? { host: fn.bdf } : undefined
  }

  /** Which memory, where, and a digest of what the page shows. */
  #page(value: object): RecordedValue | undefined {
    const { memory, offset } = value as { memory?: unknown; offset?: unknown }
    if (!(memory instanceof Uint8Array) || typeof offset !== 'number') return undefined
    const shows = memory.subarray(offset, offset + PAGE_BYTES)
    const page = createHash('sha256').update(shows).digest('hex').slice(0, 16)
    return { memory: this.#number(memory.buffer), sizeBytes: memory.length, offset, page }
  }

  #object(value: object, depth: number): RecordedValue {
    const members = membersOf(value)
    const data: Record<string, RecordedValue> = {}
    for (const [key, each] of Object.entries(value))
      if (typeof each !== 'function' && each !== undefined) data[key] = this.#of(each, depth + 1)
    return members.length === 0 ? data : { ...data, members }
  }

  /** In the order in which they were seen first. */
  #number(buffer: ArrayBufferLike): number {
    const known = this.#memories.get(buffer) ?? this.#memories.size + 1
    this.#memories.set(buffer, known)
    return known
  }
}

/** What was thrown: the errno of an answer, or the message of a failure. */
export function thrownValue(cause: unknown): RecordedValue {
  if (VfioError.is(cause)) return { errno: cause.errno, message: cause.message }
  if (cause instanceof Error) return { error: cause.name, message: cause.message }
  return { error: String(cause) }
}

/** Bytes, two digits each. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('hex')
}
