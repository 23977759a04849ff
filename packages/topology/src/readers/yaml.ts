/**
 * Reads a `topology/1` YAML document, the format that people write by hand and that `writeYaml` writes.
 *
 * A defect in a function costs the key it is in, not the function: as long as its address can be read, the function
 * is in the topology.
 */
import type { Bar } from '../bar.ts'
import type { Bdf } from '../bdf.ts'
import type { BridgeWindows, BusNumbers } from '../bridge.ts'
import { capabilityByName } from '../capability-names.ts'
import type { ComposedCapability } from '../config-composer.ts'
import { ConfigComposer } from '../config-composer.ts'
import type { ConfigSpace } from '../config-space.ts'
import { configOfBytes } from '../hex-bytes.ts'
import type { FunctionInput } from '../pci-function.ts'
import type { Topology } from '../topology.ts'
import { type Place, TopologyBuilder } from '../topology-builder.ts'
import { YamlDocument, type YamlPath } from '../yaml-document.ts'
import type { ReadSource, TopologyReader } from './topology-reader.ts'
import {
  type BarDocument,
  type BridgeDocument,
  type CapabilityDocument,
  type ConfigDocument,
  type FunctionDocument,
  functionSchema,
  slotSchema,
  topologySchema,
} from './yaml-schema.ts'

export const yamlReader: TopologyReader = {
  format: 'yaml',
  recognises(text) {
    return /^vfiokit:\s*['"]?topology\//m.test(text)
  },
  read(text, source) {
    return new YamlReading(text, source).read()
  },
}

class YamlReading {
  readonly #builder = new TopologyBuilder((bdf) => this.#placeOf(bdf))
  readonly #document: YamlDocument
  readonly #paths = new Map<Bdf, YamlPath>()

  constructor(text: string, source: ReadSource) {
    this.#document = YamlDocument.parse(text, source)
  }

  read(): Topology {
    for (const warning of this.#document.diagnostics) {
      if (warning.severity === 'warning') this.#builder.addFault(warning)
    }
    const whole = this.#document.check(topologySchema)
    if (!whole.ok) for (const fault of whole.diagnostics) this.#builder.addFault(fault)
    this.#entries('functions').forEach((entry, index) => void this.#function(entry, ['functions', index]))
    this.#entries('slots').forEach((_entry, index) => void this.#slot(['slots', index]))
    return this.#builder.finish()
  }

  /** The list under a key even when something else in the document is wrong. */
  #entries(key: string): readonly unknown[] {
    const value = this.#document.value
    const list =
      typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined
    return Array.isArray(list) ? list : []
  }

  #function(entry: unknown, path: YamlPath): void {
    const result = this.#document.check(functionSchema, path)
    if (result.ok) {
      this.#builder.addFunction(this.#input(result.value, path))
      return
    }
    for (const fault of result.diagnostics) this.#builder.addFault(fault)
    const salvaged = functionSchema.safeParse(withoutBadKeys(entry))
    if (salvaged.success) this.#builder.addFunction(this.#input(salvaged.data, path))
  }

  #slot(path: YamlPath): void {
    const result = this.#document.check(slotSchema, path)
    if (!result.ok) {
      for (const fault of result.diagnostics) this.#builder.addFault(fault)
      return
    }
    const { name, address, driver } = result.value
    this.#builder.addSlot({ name, ...address, driver })
  }

  /** Of the last function that has the address: the second of two is the one to look at. */
  #placeOf(bdf: Bdf | undefined): Place {
    const path = bdf === undefined ? undefined : this.#paths.get(bdf)
    return this.#document.place([...(path ?? []), ...(path === undefined ? [] : ['bdf'])])
  }

  #input(fn: FunctionDocument, path: YamlPath): FunctionInput {
    this.#paths.set(fn.bdf, path)
    const config = this.#config(fn, path)
    return {
      bdf: fn.bdf,
      vendorId: fn.id?.vendorId,
      deviceId: fn.id?.deviceId,
      classCode: fn.class,
      revision: fn.revision,
      subsystem: fn.subsystem === undefined ? undefined : Object.freeze(fn.subsystem),
      multifunction: fn.multifunction,
      config,
      configSizeBytes: fn.configSize ?? (fn.config === undefined ? sizeOf(config) : undefined),
      bars: fn.bars?.map(barOf),
      vfBars: fn.vfBars?.map(barOf),
      busNumbers: fn.bridge === undefined ? undefined : numbersOf(fn.bridge),
      windows: fn.bridge === undefined ? undefined : windowsOf(fn.bridge),
      parent: fn.parent,
      driver: fn.driver,
      iommuGroup: fn.iommuGroup,
      resetMethods: fn.resetMethods,
      attributes: fn.attributes,
      physfn: fn.physfn,
    }
  }

  /** Bytes as given, or composed from the capabilities that are listed; undefined when there are neither. */
  #config(fn: FunctionDocument, path: YamlPath): ConfigSpace | undefined {
    if (fn.config !== undefined) {
      if (fn.capabilities !== undefined) {
        this.#report(
          [...path, 'capabilities'],
          "either 'config' or 'capabilities': the bytes already say both",
        )
      }
      return this.#bytes(fn.config, [...path, 'config'])
    }
    return fn.capabilities === undefined ? undefined : this.#compose(fn, fn.capabilities, path)
  }

  #bytes(config: ConfigDocument, path: YamlPath): ConfigSpace | undefined {
    const bytes = 'known' in config ? this.#rows(config, path) : config
    if (bytes.length <= 4096) return configOfBytes(bytes)
    this.#report(path, `at most 4096 bytes, not ${bytes.length}`)
    return undefined
  }

  #rows(config: Extract<ConfigDocument, { known: number }>, path: YamlPath): readonly (number | undefined)[] {
    const bytes: (number | undefined)[] = new Array(config.known).fill(0)
    for (const [key, row] of Object.entries(config.rows)) {
      const offset = Number.parseInt(key, 16)
      if (offset + row.length > config.known) {
        this.#report([...path, 'rows', key], `row ends behind the ${config.known} bytes that are known`)
      }
      row.forEach((byte, index) => {
        if (offset + index < config.known) bytes[offset + index] = byte
      })
    }
    return bytes
  }

  #compose(fn: FunctionDocument, capabilities: readonly CapabilityDocument[], path: YamlPath): ConfigSpace {
    const composed = capabilities.map((capability, index) =>
      this.#capability(capability, [...path, 'capabilities', index]),
    )
    const isLarge = composed.some((capability) => capability?.extended === true || capability?.id === 0x10)
    const composer = new ConfigComposer(isLarge ? 4096 : 256, {
      vendorId: fn.id?.vendorId ?? 0xffff,
      deviceId: fn.id?.deviceId ?? 0xffff,
      classCode: fn.class ?? 0,
      revision: fn.revision ?? 0,
      subsystem: fn.subsystem,
      headerType: headerTypeOf(fn),
      multifunction: fn.multifunction ?? false,
    })
    if (fn.bridge !== undefined) composer.busNumbers(numbersOf(fn.bridge))
    const attempt = (where: YamlPath, write: () => unknown): void => {
      try {
        write()
      } catch (error) {
        this.#report(where, (error as RangeError).message)
      }
    }
    fn.bars?.forEach((bar, index) => void attempt([...path, 'bars', index], () => composer.bar(barOf(bar))))
    composed.forEach((capability, index) => {
      if (capability === undefined) return
      attempt([...path, 'capabilities', index], () => composer.capability(capability))
    })
    return composer.compose()
  }

  #capability(capability: CapabilityDocument, path: YamlPath): ComposedCapability | undefined {
    const { id, extended, offset, version, data, fields } = capability
    const named = typeof id === 'string' ? capabilityByName(id) : { id, extended: extended ?? false }
    if (named === undefined) {
      this.#report([...path, 'id'], `no capability is called '${id}'`)
      return undefined
    }
    if (data?.includes(undefined))
      this.#report([...path, 'data'], 'every byte of a composed capability is known')
    const bytes = data === undefined ? undefined : Uint8Array.from(data, (byte) => byte ?? 0)
    return { ...named, offset, version, data: bytes, fields }
  }

  #report(path: YamlPath, message: string): void {
    this.#builder.addFault(
      this.#document.diagnostic(path, { severity: 'error', code: 'wrong-value', message }),
    )
  }
}

function sizeOf(config: ConfigSpace | undefined): 256 | 4096 | undefined {
  return config?.sizeBytes === 256 || config?.sizeBytes === 4096 ? config.sizeBytes : undefined
}

function headerTypeOf(fn: FunctionDocument): 0 | 1 | 2 {
  const kind = (fn.class ?? 0) >>> 8
  if (kind === 0x0607) return 2
  return fn.bridge !== undefined || kind === 0x0604 ? 1 : 0
}

function numbersOf(bridge: BridgeDocument): BusNumbers {
  const { primary = 0, secondary, subordinate } = bridge
  return { primary, secondary, subordinate }
}

function windowsOf(bridge: BridgeDocument): BridgeWindows {
  const { io, memory, prefetchable } = bridge
  return Object.freeze({
    io: io && Object.freeze(io),
    memory: memory && Object.freeze(memory),
    prefetchable: prefetchable && Object.freeze(prefetchable),
  })
}

function barOf(bar: BarDocument): Bar {
  return Object.freeze({
    index: bar.index,
    kind: bar.kind,
    width: bar.width ?? 32,
    prefetchable: bar.prefetchable ?? false,
    address: bar.address ?? 0n,
    sizeBytes: bar.size,
    ...(bar.below1M === undefined ? {} : { below1M: bar.below1M }),
    ...(bar.enabled === undefined ? {} : { romEnabled: bar.enabled }),
  })
}

/** The keys of a function that are right on their own; what is wrong with the others was reported. */
function withoutBadKeys(entry: unknown): unknown {
  const result = functionSchema.safeParse(entry)
  if (result.success || typeof entry !== 'object' || entry === null) return entry
  const bad = new Set<PropertyKey>()
  for (const issue of result.error.issues) {
    const keys = issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : [issue.path[0]]
    for (const key of keys) if (key !== undefined) bad.add(key)
  }
  return Object.fromEntries(Object.entries(entry).filter(([key]) => !bad.has(key)))
}
