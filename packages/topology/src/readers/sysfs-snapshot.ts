/**
 * Reads the sysfs snapshot JSON: what `/sys/bus/pci` says of every device, in one file.
 *
 * `{devices: {BDF: {realpath, attrs: {name: text | {link} | {hex} | {mode, size} | {errno} | {...}}}}, slots, ...}`
 * An attribute that is missing or could not be read leaves its field unknown; one that is malformed gives a fault.
 */
import { Bdf } from '../bdf.ts'
import { ConfigSpace } from '../config-space.ts'
import type { Diagnostic } from '../diagnostic.ts'
import { bytesOfHex } from '../hex-bytes.ts'
import { parseJson } from '../json-text.ts'
import type { FunctionInput } from '../pci-function.ts'
import { barsOfResources, parseResourceLines, vfBarsOfResources, windowsOfResources } from '../resource.ts'
import type { SlotInput } from '../slot.ts'
import type { Topology } from '../topology.ts'
import { TopologyBuilder } from '../topology-builder.ts'
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

function hasResetMethod(device: unknown): boolean {
  const attrs = isRecord(device) ? device.attrs : undefined
  return isRecord(attrs) && typeof attrs.reset_method === 'string'
}

/** One reading: the builder and where its faults go. */
class SnapshotReading {
  readonly #builder: TopologyBuilder
  readonly #place: Pick<ReadSource, 'file'>
  /** The kernel is new enough to have the file: then a function without it has no reset. */
  #recordsMethods = false

  constructor(source: ReadSource) {
    this.#place = source.file === undefined ? {} : { file: source.file }
    this.#builder = new TopologyBuilder(() => this.#place)
  }

  read(text: string): Topology {
    const snapshot = this.#parse(text)
    if (snapshot !== undefined) {
      const devices = this.#entries(snapshot, 'devices')
      this.#recordsMethods = devices.some(([, device]) => hasResetMethod(device))
      for (const [address, device] of devices) this.#device(address, device)
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
    const { value } = result
    if (isRecord(value)) return value
    this.#malformed('snapshot', 'an object', value)
    return undefined
  }

  #entries(snapshot: Json, key: 'devices' | 'slots'): readonly [string, unknown][] {
    const value = snapshot[key]
    if (value === undefined && key === 'slots') return []
    if (isRecord(value)) return Object.entries(value)
    this.#malformed(key, 'an object', value)
    return []
  }

  #device(address: string, value: unknown): void {
    const bdf = Bdf.tryParse(address)
    const device = isRecord(value) ? value : undefined
    const attrs = isRecord(device?.attrs) ? device.attrs : undefined
    if (bdf === undefined) {
      this.#malformed(`devices['${address}']`, 'a PCI address as the key', address)
    } else if (attrs === undefined) {
      this.#malformed(`${bdf}: attrs`, 'an object', device?.attrs ?? value, bdf)
      this.#builder.addFunction({ bdf })
    } else {
      this.#builder.addFunction(this.#input(bdf, new Attributes(bdf, attrs, this.#fault), device!.realpath))
    }
  }

  #input(bdf: Bdf, attributes: Attributes, realpath: unknown): FunctionInput {
    const config = attributes.config()
    const resources = attributes.resources()
    const subsystemVendor = attributes.number('subsystem_vendor')
    const subsystemDevice = attributes.number('subsystem_device')
    const hasSubsystem = subsystemVendor !== undefined && subsystemVendor !== 0 && subsystemVendor !== 0xffff
    const physfn = attributes.linkTarget('physfn')
    return {
      bdf,
      vendorId: attributes.number('vendor'),
      deviceId: attributes.number('device'),
      classCode: attributes.number('class', 6),
      revision: attributes.number('revision', 2),
      subsystem: hasSubsystem
        ? Object.freeze({ vendorId: subsystemVendor, deviceId: subsystemDevice ?? 0 })
        : undefined,
      config,
      configSizeBytes: config?.sizeBytes === 256 ? 256 : config?.sizeBytes === 4096 ? 4096 : undefined,
      bars: resources === undefined ? undefined : barsOfResources(resources),
      vfBars: resources === undefined ? undefined : vfBarsOfResources(resources),
      windows: resources === undefined ? undefined : windowsOfResources(resources),
      parent: typeof realpath === 'string' ? parentOfPath(realpath) : undefined,
      driver: attributes.linkTarget('driver'),
      iommuGroup: attributes.iommuGroup(),
      resetMethods: attributes.resetMethods(this.#recordsMethods),
      physfn: physfn === undefined ? undefined : Bdf.tryParse(physfn),
    }
  }

  #slot(name: string, value: unknown): void {
    const address = isRecord(value) ? value.address : undefined
    const match = typeof address === 'string' ? SLOT_ADDRESS.exec(address.trim()) : null
    if (match === null) {
      this.#malformed(`slots['${name}'].address`, 'domain:bus or domain:bus:device', address)
      return
    }
    const number = (text: string): number => Number.parseInt(text, 16)
    const device = match[3] === undefined ? undefined : number(match[3])
    const place = { domain: number(match[1]!), bus: number(match[2]!), device }
    this.#builder.addSlot({ name, ...place, driver: slotDriver(value) } satisfies SlotInput)
  }

  readonly #fault = (fault: Diagnostic): void => {
    this.#builder.addFault({ ...fault, ...this.#place })
  }

  #malformed(what: string, expected: string, value: unknown, bdf?: Bdf): void {
    this.#fault(malformed(what, expected, value, bdf))
  }
}

const SLOT_ADDRESS = /^([0-9a-f]{4,8}):([0-9a-f]{2})(?::([01][0-9a-f]))?$/i

function slotDriver(value: unknown): string | undefined {
  const module = isRecord(value) ? value.module : undefined
  const link = isRecord(module) ? module.link : undefined
  return typeof link === 'string' ? link.split('/').at(-1) : undefined
}

/** Short, and without recursion: what is here may be nested without end. */
function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  return isRecord(value) ? 'an object' : JSON.stringify(value)
}

function malformed(what: string, expected: string, value: unknown, bdf?: Bdf): Diagnostic {
  const text = describe(value)
  const found = text.length > 60 ? `${text.slice(0, 57)}...` : text
  const message = `${what} is malformed`
  return {
    severity: 'error',
    code: 'snapshot-malformed',
    message,
    expected,
    found,
    ...(bdf === undefined ? {} : { bdf }),
  }
}

/** `.../pci0000:00/0000:00:01.0/0000:01:00.0` -> the directory above, null when that is a host bridge. */
function parentOfPath(realpath: string): Bdf | null | undefined {
  const above = realpath.split('/').at(-2)
  if (above === undefined) return undefined
  if (/^pci[0-9a-f]+:[0-9a-f]{2}$/i.test(above)) return null
  return Bdf.tryParse(above)
}

/** The attributes of one device. */
class Attributes {
  readonly #bdf: Bdf
  readonly #attrs: Json
  readonly #report: (fault: Diagnostic) => void

  constructor(bdf: Bdf, attrs: Json, report: (fault: Diagnostic) => void) {
    this.#bdf = bdf
    this.#attrs = attrs
    this.#report = report
  }

  text(name: string): string | undefined {
    const value = this.#attrs[name]
    if (typeof value === 'string') return value.trim()
    if (value !== undefined && !isRecord(value)) this.#malformed(name, 'text', value)
    return undefined
  }

  /** `0x...` numbers of at most `digits` digits. */
  number(name: string, digits = 4): number | undefined {
    const text = this.text(name)
    if (text === undefined) return undefined
    if (/^0x[0-9a-f]+$/i.test(text) && text.length <= 2 + digits) return Number(text)
    this.#malformed(name, `0x and at most ${digits} hexadecimal digits`, text)
    return undefined
  }

  /** Last component of a link. */
  linkTarget(name: string): string | undefined {
    const value = this.#attrs[name]
    const link = isRecord(value) ? value.link : undefined
    return typeof link === 'string' ? link.split('/').at(-1) : undefined
  }

  iommuGroup(): number | undefined {
    const target = this.linkTarget('iommu_group')
    if (target === undefined) return undefined
    if (/^\d{1,9}$/.test(target)) return Number(target)
    this.#malformed('iommu_group', 'a link to a numbered group', target)
    return undefined
  }

  /** Absent when the function has no reset at all; empty text when all were disabled. */
  resetMethods(recordsMethods: boolean): readonly string[] | undefined {
    if (!Object.hasOwn(this.#attrs, 'reset_method')) return recordsMethods ? [] : undefined
    const text = this.text('reset_method')
    if (text === undefined) return undefined
    return text === '' ? [] : text.split(/\s+/)
  }

  resources(): ReturnType<typeof parseResourceLines> | undefined {
    const text = this.text('resource')
    if (text === undefined) return undefined
    const lines = parseResourceLines(text)
    const bad = lines.indexOf(undefined)
    if (bad >= 0)
      this.#malformed(`resource line ${bad + 1}`, 'three hexadecimal numbers', text.split('\n')[bad])
    return lines
  }

  config(): ConfigSpace | undefined {
    const value = this.#attrs.config
    const hex = isRecord(value) ? value.hex : undefined
    if (typeof hex !== 'string') return undefined
    const isHex = /^(?:[0-9a-f]{2})*$/i.test(hex)
    if (isHex && hex.length <= 8192) return new ConfigSpace(bytesOfHex(hex))
    this.#malformed('config', 'at most 4096 bytes of hexadecimal digits', hex)
    return undefined
  }

  #malformed(name: string, expected: string, value: unknown): void {
    this.#report(malformed(`${this.#bdf}: ${name}`, expected, value, this.#bdf))
  }
}
