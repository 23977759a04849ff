/**
 * Reads the sysfs snapshot JSON: what `/sys/bus/pci` says of every device, in one file.
 *
 * `{devices: {BDF: {realpath, attrs: {name: text | {link} | {hex} | {mode, size} | {errno} | {...}}}}, slots, ...}`
 */
import { Bdf } from '../bdf.ts'
import { ConfigSpace } from '../config-space.ts'
import type { Diagnostic } from '../diagnostic.ts'
import { bytesOfHex } from '../hex-bytes.ts'
import { parseJson } from '../json-text.ts'
import type { Topology } from '../topology.ts'
import { TopologyBuilder } from '../topology-builder.ts'
import {
  MORE_ATTRIBUTES,
  malformed,
  type Report,
  type SysfsDevice,
  sysfsFunction,
  sysfsSlot,
} from './sysfs-function.ts'
import type { ReadSource, TopologyReader } from './topology-reader.ts'

type Json = Readonly<Record<string, unknown>>

export const sysfsSnapshotReader: TopologyReader = {
  format: 'sysfs-snapshot',
  recognises(text) {
    return /^\s*\{/.test(text) && /"devices"\s*:\s*\{/.test(text)
  },
  read(text, source) {
    return new SnapshotReading(source).read(text)
  },
}

function isRecord(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function linkOf(value: unknown): string | undefined {
  return isRecord(value) && typeof value.link === 'string' ? value.link : undefined
}

/** One reading: the builder and where its faults go. */
class SnapshotReading {
  readonly #builder: TopologyBuilder
  readonly #place: Pick<ReadSource, 'file'>

  constructor(source: ReadSource) {
    this.#place = source.file === undefined ? {} : { file: source.file }
    this.#builder = new TopologyBuilder(() => this.#place)
  }

  read(text: string): Topology {
    const snapshot = this.#parse(text)
    if (snapshot !== undefined) {
      this.#devices(snapshot)
      for (const [name, slot] of this.#entries(snapshot, 'slots')) this.#slot(name, slot)
    }
    return this.#builder.finish()
  }

  #parse(text: string): Json | undefined {
    const result = parseJson(text)
    if (!result.ok) {
      const { message, line, column } = result
      this.#fault({ severity: 'error', code: 'json-syntax', message, line, column })
      return undefined
    }
    if (isRecord(result.value)) return result.value
    this.#fault(malformed('snapshot', 'an object', result.value))
    return undefined
  }

  #entries(snapshot: Json, key: 'devices' | 'slots'): readonly [string, unknown][] {
    const value = snapshot[key]
    if (value === undefined && key === 'slots') return []
    if (isRecord(value)) return Object.entries(value)
    this.#fault(malformed(key, 'an object', value))
    return []
  }

  #devices(snapshot: Json): void {
    const devices = this.#entries(snapshot, 'devices').flatMap(([address, value]) =>
      this.#device(address, value),
    )
    const recordsMethods = devices.some(([, device]) => device?.text('reset_method') !== undefined)
    for (const [bdf, device] of devices) {
      const isReadable = device !== undefined
      this.#builder.addFunction(
        isReadable ? sysfsFunction(bdf, device, recordsMethods, this.#fault) : { bdf },
      )
    }
  }

  /** None for a key that is no address; an address without attributes is still a function. */
  #device(address: string, value: unknown): readonly (readonly [Bdf, SnapshotDevice | undefined])[] {
    const bdf = Bdf.tryParse(address)
    const attrs = isRecord(value) ? value.attrs : undefined
    if (bdf === undefined) {
      this.#fault(malformed(`devices['${address}']`, 'a PCI address as the key', address))
      return []
    }
    if (isRecord(attrs)) return [[bdf, new SnapshotDevice(bdf, attrs, (value as Json).realpath, this.#fault)]]
    this.#fault(malformed(`${bdf}: attrs`, 'an object', attrs ?? value, bdf))
    return [[bdf, undefined]]
  }

  #slot(name: string, value: unknown): void {
    const { address, module } = isRecord(value) ? value : {}
    const slot = sysfsSlot(name, address, linkOf(module), this.#fault)
    if (slot !== undefined) this.#builder.addSlot(slot)
  }

  readonly #fault = (fault: Diagnostic): void => {
    this.#builder.addFault({ ...fault, ...this.#place })
  }
}

/** The recorded attributes of one device. */
class SnapshotDevice implements SysfsDevice {
  readonly moreAttributes: readonly string[] = MORE_ATTRIBUTES
  readonly #bdf: Bdf
  readonly #attrs: Json
  readonly #realpath: unknown
  readonly #report: Report
  #config: ConfigSpace | undefined

  constructor(bdf: Bdf, attrs: Json, realpath: unknown, report: Report) {
    this.#bdf = bdf
    this.#attrs = attrs
    this.#realpath = realpath
    this.#report = report
  }

  has(name: string): boolean {
    return Object.hasOwn(this.#attrs, name)
  }

  text(name: string): string | undefined {
    const value = this.#attrs[name]
    if (typeof value === 'string') return value.trim()
    if (value !== undefined && !isRecord(value)) this.#malformed(name, 'text', value)
    return undefined
  }

  link(name: string): string | undefined {
    return linkOf(this.#attrs[name])
  }

  config(): ConfigSpace | undefined {
    const value = this.#attrs.config
    const hex = isRecord(value) ? value.hex : undefined
    if (this.#config !== undefined || typeof hex !== 'string') return this.#config
    const isHex = /^(?:[0-9a-f]{2})*$/i.test(hex)
    if (isHex && hex.length <= 8192) this.#config = new ConfigSpace(bytesOfHex(hex))
    else this.#malformed('config', 'at most 4096 bytes of hexadecimal digits', hex)
    return this.#config
  }

  /** The recorder had privilege, so what it read of a whole size is all there is. */
  configFileBytes(): number | undefined {
    const value = this.#attrs.config
    const hex = isRecord(value) ? value.hex : undefined
    return typeof hex === 'string' ? hex.length / 2 : undefined
  }

  path(): string | undefined {
    return typeof this.#realpath === 'string' ? this.#realpath : undefined
  }

  #malformed(name: string, expected: string, value: unknown): void {
    this.#report(malformed(`${this.#bdf}: ${name}`, expected, value, this.#bdf))
  }
}
