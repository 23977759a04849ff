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

/** Of longer arrays a digest is written. */
const BYTES_MAX = 4096
/** So many equal bytes are written once, with how often. */
const EQUAL_BYTES_MIN = 16
const DEPTH_MAX = 8
const PAGE_BYTES = 4096

/** Where in a value something stands, and what of it was written before: objects may refer to each other. */
interface Walk {
  readonly place: string
  readonly depth: number
  readonly seen: Map<object, string>
}

/** Makes values of one run JSON. */
export class RecordedValues {
  readonly #memories = new Map<ArrayBufferLike, number>()

  /** @param bytes - What is written of them: what they are, or only how many. */
  constructor(readonly bytes: 'content' | 'size' = 'content') {}

  /**
   * @returns what JSON can hold: nothing becomes null, functions of an object become `members`, a getter is not run,
   *   and an object that stands in the value a second time is `same` as at its first place.
   */
  of(value: unknown): RecordedValue {
    return this.#of(value, { place: '', depth: 0, seen: new Map() })
  }

  #of(value: unknown, walk: Walk): RecordedValue {
    if (value === undefined || value === null) return null
    if (typeof value === 'bigint') return { bigint: `0x${value.toString(16)}` }
    if (typeof value === 'number') return Number.isFinite(value) ? value : { number: String(value) }
    if (typeof value === 'function') return { function: value.name }
    if (typeof value === 'string' || typeof value === 'boolean') return value
    if (typeof value !== 'object') return String(value)
    if (value instanceof ArrayBuffer) return this.#bytes(new Uint8Array(value))
    if (ArrayBuffer.isView(value)) return this.#bytes(value)
    if (value instanceof Promise) return { promise: true }
    return this.#named(value) ?? this.#page(value) ?? this.#container(value, walk)
  }

  #bytes(view: ArrayBufferView): RecordedValue {
    const bytes = new Uint8Array(view.buffer, view.byteOffset, view.byteLength)
    if (this.bytes === 'size') return { sizeBytes: bytes.length }
    if (bytes.length > BYTES_MAX)
      return { memory: this.#number(view.buffer), sizeBytes: bytes.length, digest: digestOf(bytes) }
    if (bytes.length >= EQUAL_BYTES_MIN && bytes.every((each) => each === bytes[0]))
      return { hex: hexOf(bytes.subarray(0, 1)), times: bytes.length }
    return { hex: hexOf(bytes) }
  }

  /** Devices and hosts stand for themselves: their data is in the description of the machine. */
  #named(value: object): RecordedValue | undefined {
    const [bdf, fn] = [ownValue(value, 'bdf'), ownValue(value, 'function')]
    if (typeof bdf === 'string') return { device: bdf }
    const other = typeof fn === 'object' && fn !== null ? ownValue(fn, 'bdf') : undefined
    return typeof other === 'string' ? { host: other } : undefined
  }

  /** Which memory, where, and a digest of what the page shows. */
  #page(value: object): RecordedValue | undefined {
    const [memory, offset] = [ownValue(value, 'memory'), ownValue(value, 'offset')]
    if (!(memory instanceof Uint8Array) || typeof offset !== 'number') return undefined
    const page = digestOf(memory.subarray(offset, offset + PAGE_BYTES))
    return { memory: this.#number(memory.buffer), sizeBytes: memory.length, offset, page }
  }

  #container(value: object, { place, depth, seen }: Walk): RecordedValue {
    const before = seen.get(value)
    if (before !== undefined) return { same: before }
    seen.set(value, place)
    if (depth > DEPTH_MAX) return { deeper: Array.isArray(value) ? 'a list' : 'an object' }
    const inside = (each: unknown, key: string): RecordedValue =>
      this.#of(each, { place: `${place}${key}`, depth: depth + 1, seen })
    if (Array.isArray(value) || value instanceof Map || value instanceof Set)
      return [...(value as Iterable<unknown>)].map((each, at) => inside(each, `[${at}]`))
    const members = membersOf(value)
    const data: Record<string, RecordedValue> = {}
    for (const [key, own] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
      if (own.enumerable !== true || typeof own.value === 'function') continue
      if (own.get !== undefined) data[key] = { getter: true }
      else if (own.value !== undefined) data[key] = inside(own.value, `.${key}`)
    }
    return members.length === 0 ? data : { ...data, members }
  }

  /** In the order in which they were seen first. */
  #number(buffer: ArrayBufferLike): number {
    const known = this.#memories.get(buffer) ?? this.#memories.size + 1
    this.#memories.set(buffer, known)
    return known
  }
}

/** Without running getters. Hosts have their function from their class: one that is no getter of a plugin. */
function ownValue(value: object, key: string): unknown {
  return key in value && Object.getOwnPropertyDescriptor(value, key)?.get === undefined
    ? (value as Readonly<Record<string, unknown>>)[key]
    : undefined
}

function digestOf(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 16)
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
