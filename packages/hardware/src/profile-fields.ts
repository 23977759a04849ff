/** ProfileFields: one object of a profile's JSON, read member by member; what is wrong is said once, with its place. */
import type { ResetEvent } from './device-model.ts'

type Complain = (place: string, expected: string, found: unknown) => void

const EVENTS: readonly ResetEvent[] = ['flr', 'bus', 'pm', 'pf-reset']
const HEX = /^0x[0-9a-f]+$/i

export class ProfileFields {
  readonly #value: Readonly<Record<string, unknown>>
  readonly #place: string
  readonly #complain: Complain

  constructor(value: unknown, place: string, complain: Complain) {
    this.#place = place
    this.#complain = complain
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      this.#value = value as Readonly<Record<string, unknown>>
      return
    }
    complain(place === '' ? 'file' : place, 'an object', value)
    this.#value = {}
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#value, name)
  }

  raw(name: string): unknown {
    return this.#value[name]
  }

  text(name: string, pattern: RegExp): string {
    const value = this.#value[name]
    if (typeof value === 'string' && pattern.test(value)) return value
    return this.#wrong(name, `text like ${pattern.source}`, '')
  }

  choice<T extends string>(name: string, choices: readonly T[]): T {
    const value = this.#value[name]
    const found = choices.find((choice) => choice === value)
    return found ?? this.#wrong(name, `one of ${choices.join(', ')}`, choices[0]!)
  }

  integer(name: string): number {
    const value = this.#value[name]
    if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
    return this.#wrong(name, 'a number of 0 or more', 0)
  }

  hex(name: string): bigint {
    return this.#hex(this.#value[name], name)
  }

  hexList(name: string): readonly bigint[] {
    return this.#array(name).map((each, index) => this.#hex(each, `${name}[${index}]`))
  }

  /** Members like `"0x3c0": "20"`. */
  hexMap(): ReadonlyMap<number, number> {
    const entries = Object.entries(this.#value).map(([key, value]): [number, number] => [
      Number(this.#hex(key, key)),
      Number(this.#hex(`0x${value}`, key)),
    ])
    return new Map(entries)
  }

  bytes(name: string): Uint8Array {
    const value = this.#value[name]
    if (typeof value !== 'string' || !/^(?:[0-9a-f]{2})+$/i.test(value))
      return this.#wrong(name, 'hexadecimal bytes', Uint8Array.of(0))
    const pairs = value.match(/../g)!
    return Uint8Array.from(pairs, (pair) => Number.parseInt(pair, 16))
  }

  events(name: string): readonly ResetEvent[] {
    return this.#array(name).flatMap((each, index) => {
      const event = EVENTS.find((known) => known === each)
      if (event === undefined)
        this.#complain(`${this.#path(name)}[${index}]`, `one of ${EVENTS.join(', ')}`, each)
      return event === undefined ? [] : [event]
    })
  }

  object(name: string): ProfileFields {
    return new ProfileFields(this.#value[name], this.#path(name), this.#complain)
  }

  /** Empty when the member is absent. */
  list(name: string): readonly ProfileFields[] {
    if (!this.has(name)) return []
    return this.#array(name).map(
      (each, index) => new ProfileFields(each, `${this.#path(name)}[${index}]`, this.#complain),
    )
  }

  #array(name: string): readonly unknown[] {
    const value = this.#value[name]
    return Array.isArray(value) ? value : this.#wrong(name, 'a list', [])
  }

  #hex(value: unknown, name: string): bigint {
    if (typeof value === 'string' && HEX.test(value)) return BigInt(value)
    this.#complain(this.#path(name), 'a hexadecimal number such as "0x1f"', value)
    return 0n
  }

  #path(name: string): string {
    return this.#place === '' ? name : `${this.#place}.${name}`
  }

  #wrong<T>(name: string, expected: string, instead: T): T {
    this.#complain(this.#path(name), expected, this.#value[name])
    return instead
  }
}
