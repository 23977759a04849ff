/** Writes a topology as JSON: the `topology/1` document of the YAML format in other brackets. */
import type { Bar } from '../bar.ts'
import type { Bridge, Window } from '../bridge.ts'
import type { ConfigSpace } from '../config-space.ts'
import { hexByte } from '../hex-bytes.ts'
import type { PciFunction, SubsystemIds } from '../pci-function.ts'
import type { Slot } from '../slot.ts'
import type { Topology } from '../topology.ts'

/** What JSON can say; undefined is left out. Numbers beyond 2^53 are written with all their digits. */
type Json =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | readonly Json[]
  | { readonly [key: string]: Json }

/**
 * Everything but the faults: they speak of the source that had them. `jsonReader` reads it back. One line for each
 * function and slot.
 *
 * @example
 * import { Bdf, jsonReader, TopologyBuilder, writeJson } from '@vfiokit/topology'
 * const one = new TopologyBuilder().addFunction({ bdf: Bdf.parse('00:02.0'), vendorId: 0x8086, deviceId: 1 }).finish()
 * console.log(jsonReader.read(writeJson(one), {}).functions[0]?.bdf) // => 0000:00:02.0
 */
export function writeJson(topology: Topology): string {
  const lines = (entries: readonly Json[]): string => entries.map((entry) => `\n${jsonText(entry)}`).join(',')
  const functions = lines(topology.functions.map((fn) => functionJson(fn, topology.bridge(fn.bdf))))
  const slots = lines(topology.slots.map(slotJson))
  return `{"vfiokit": "topology/1",\n"functions": [${functions}\n],\n"slots": [${slots}\n]}\n`
}

function jsonText(value: Json): string {
  if (typeof value === 'bigint') return String(value)
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).filter(([, part]) => part !== undefined)
  return `{${entries.map(([key, part]) => `${JSON.stringify(key)}:${jsonText(part)}`).join(',')}}`
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

function ids({ vendorId, deviceId }: SubsystemIds): string {
  return `${hex(vendorId, 4)}:${hex(deviceId, 4)}`
}

function functionJson(fn: PciFunction, bridge: Bridge | undefined): Json {
  return {
    bdf: fn.bdf,
    id: ids(fn),
    class: hex(fn.classCode, 6),
    revision: fn.revision,
    subsystem: fn.subsystem && ids(fn.subsystem),
    multifunction: fn.multifunction,
    parent: fn.parent ?? null,
    physfn: fn.physfn,
    bridge: bridge && bridgeJson(bridge),
    driver: fn.driver,
    iommuGroup: fn.iommuGroup,
    resetMethods: fn.resetMethods,
    attributes: Object.keys(fn.attributes).length === 0 ? undefined : fn.attributes,
    configSize: fn.configSizeBytes,
    bars: fn.bars.map(barJson),
    vfBars: fn.vfBars.length === 0 ? undefined : fn.vfBars.map(barJson),
    config: fn.config.sizeBytes === 0 ? undefined : configJson(fn.config),
  }
}

function bridgeJson({ primary, secondary, subordinate, windows }: Bridge): Json {
  const json = (window: Window | undefined): Json => window && { base: window.base, limit: window.limit }
  const { io, memory, prefetchable } = windows
  const passed = { io: json(io), memory: json(memory), prefetchable: json(prefetchable) }
  return { primary, secondary, subordinate, ...passed }
}

function barJson(bar: Bar): Json {
  const { index, kind, width, prefetchable, address, sizeBytes, below1M, romEnabled } = bar
  return { index, kind, width, prefetchable, address, size: sizeBytes, below1M, enabled: romEnabled }
}

const ROW_BYTES = 16

/** Rows of 16 bytes; those that are all zero are left out. */
function configJson(config: ConfigSpace): Json {
  const { bytes } = config
  const rows: Record<string, string> = {}
  for (let offset = 0; offset < bytes.length; offset += ROW_BYTES) {
    const row = bytes.subarray(offset, offset + ROW_BYTES)
    const isWhole = config.has(offset, row.length)
    if (isWhole && row.every((byte) => byte === 0)) continue
    const text = [...row].map((byte, at) => (isWhole || config.has(offset + at, 1) ? hexByte(byte) : '..'))
    rows[hex(offset, 3)] = text.join(' ')
  }
  return { known: bytes.length, rows }
}

function slotJson({ name, domain, bus, device, driver }: Slot): Json {
  const address = `${hex(domain, 4)}:${hex(bus, 2)}${device === undefined ? '' : `:${hex(device, 2)}`}`
  return { name, address, driver }
}
