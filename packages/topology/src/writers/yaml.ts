/** Writes a topology as a `topology/1` YAML document that `yamlReader` reads back to the same topology. */
import type { Bar } from '../bar.ts'
import { Bdf } from '../bdf.ts'
import type { Bridge, Window } from '../bridge.ts'
import type { ConfigSpace } from '../config-space.ts'
import { hexByte } from '../hex-bytes.ts'
import type { PciFunction, SubsystemIds } from '../pci-function.ts'
import type { Slot } from '../slot.ts'
import type { Topology } from '../topology.ts'

const ROW_BYTES = 16

/**
 * Everything but the faults: they speak of the source that had them.
 *
 * @example
 * import { TopologyBuilder, Bdf, writeYaml, yamlReader } from '@vfiokit/topology'
 * const one = new TopologyBuilder().addFunction({ bdf: Bdf.parse('00:02.0'), vendorId: 0x8086, deviceId: 1 }).finish()
 * console.log(yamlReader.read(writeYaml(one), {}).functions.length) // => 1
 */
export function writeYaml(topology: Topology): string {
  const covered = coveredBuses(topology)
  const functions = topology.functions.flatMap((fn) => functionLines(topology, fn, covered))
  const slots = topology.slots.map(slotLine)
  return [
    'vfiokit: topology/1',
    functions.length === 0 ? 'functions: []' : 'functions:',
    ...functions,
    ...(slots.length === 0 ? [] : ['slots:', ...slots]),
    '',
  ].join('\n')
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

function quoted(text: string): string {
  return JSON.stringify(text)
}

function ids(pair: SubsystemIds): string {
  return `'${hex(pair.vendorId, 4)}:${hex(pair.deviceId, 4)}'`
}

/** Buses inside some bridge's range, as `domain * 256 + bus`: a root function there must say that it is one. */
function coveredBuses(topology: Topology): ReadonlySet<number> {
  const covered = new Set<number>()
  for (const bridge of topology.bridges) {
    const { domain } = Bdf.parts(bridge.bdf)
    for (let bus = bridge.secondary; bus <= Math.max(bridge.secondary, bridge.subordinate); bus += 1) {
      covered.add(domain * 256 + bus)
    }
  }
  return covered
}

/** Left out where the bus numbers lead to the same bridge anyway. */
function parentText(topology: Topology, fn: PciFunction, covered: ReadonlySet<number>): string | undefined {
  const { domain, bus } = Bdf.parts(fn.bdf)
  if (fn.parent === undefined) return covered.has(domain * 256 + bus) ? 'null' : undefined
  const above = topology.bridge(fn.parent)
  const own = Bdf.parts(fn.parent)
  const claims = above !== undefined && above.secondary === bus && own.bus < bus && own.domain === domain
  const isClaimed = claims && topology.bus(domain, bus)?.bridge === fn.parent
  return isClaimed ? undefined : `'${fn.parent}'`
}

function functionLines(topology: Topology, fn: PciFunction, covered: ReadonlySet<number>): readonly string[] {
  const bridge = topology.bridge(fn.bdf)
  const keys: readonly (readonly [string, string | undefined])[] = [
    ['id', ids(fn)],
    ['class', `'${hex(fn.classCode, 6)}'`],
    ['revision', `0x${hex(fn.revision, 2)}`],
    ['subsystem', fn.subsystem && ids(fn.subsystem)],
    ['multifunction', String(fn.multifunction)],
    ['parent', parentText(topology, fn, covered)],
    ['physfn', fn.physfn && `'${fn.physfn}'`],
    ['bridge', bridge && bridgeText(bridge)],
    ['driver', fn.driver === undefined ? undefined : quoted(fn.driver)],
    ['iommuGroup', fn.iommuGroup === undefined ? undefined : String(fn.iommuGroup)],
    ['resetMethods', fn.resetMethods && `[${fn.resetMethods.map(quoted).join(', ')}]`],
    ['attributes', attributesText(fn.attributes)],
    ['configSize', fn.configSizeBytes === undefined ? undefined : String(fn.configSizeBytes)],
  ]
  return [
    `  - bdf: '${fn.bdf}'`,
    ...keys.flatMap(([key, text]) => (text === undefined ? [] : [`    ${key}: ${text}`])),
    ...barLines('bars', fn.bars, true),
    ...barLines('vfBars', fn.vfBars, false),
    ...(fn.config.sizeBytes === 0 ? [] : configLines(fn.config)),
  ]
}

function attributesText(attributes: PciFunction['attributes']): string | undefined {
  const parts = Object.entries(attributes).map(([name, text]) => `${quoted(name)}: ${quoted(text)}`)
  return parts.length === 0 ? undefined : `{${parts.join(', ')}}`
}

function windowText(name: string, window: Window | undefined): readonly string[] {
  if (window === undefined) return []
  return [`${name}: {base: 0x${window.base.toString(16)}, limit: 0x${window.limit.toString(16)}}`]
}

function bridgeText(bridge: Bridge): string {
  const { primary, secondary, subordinate, windows } = bridge
  const numbers = [`primary: ${primary}`, `secondary: ${secondary}`, `subordinate: ${subordinate}`]
  const passed = (['io', 'memory', 'prefetchable'] as const).flatMap((name) =>
    windowText(name, windows[name]),
  )
  return `{${[...numbers, ...passed].join(', ')}}`
}

/** An empty list is said where leaving it out would mean "decode the registers". */
function barLines(key: string, bars: readonly Bar[], always: boolean): readonly string[] {
  if (bars.length === 0) return always ? [`    ${key}: []`] : []
  return [`    ${key}:`, ...bars.map((bar) => `      - ${barText(bar)}`)]
}

function barText(bar: Bar): string {
  const parts = [
    `index: ${bar.index}`,
    `kind: ${bar.kind}`,
    ...(bar.width === 64 ? ['width: 64'] : []),
    ...(bar.prefetchable ? ['prefetchable: true'] : []),
    `address: 0x${bar.address.toString(16)}`,
    ...(bar.sizeBytes === undefined ? [] : [`size: ${sizeText(bar.sizeBytes)}`]),
    ...(bar.below1M === undefined ? [] : ['below1M: true']),
    ...(bar.romEnabled === undefined ? [] : [`enabled: ${bar.romEnabled}`]),
  ]
  return `{${parts.join(', ')}}`
}

/** In the largest unit that leaves a whole number. */
function sizeText(bytes: number): string {
  const units = ['', 'K', 'M', 'G', 'T']
  let amount = bytes
  let unit = 0
  while (unit < units.length - 1 && amount % 1024 === 0) {
    amount /= 1024
    unit += 1
  }
  return `${amount}${units[unit]}`
}

/** Rows of 16 bytes; those that are all zero are left out. */
function configLines(config: ConfigSpace): readonly string[] {
  const { bytes } = config
  const rows: string[] = []
  for (let offset = 0; offset < bytes.length; offset += ROW_BYTES) {
    const row = bytes.subarray(offset, offset + ROW_BYTES)
    const isWhole = config.has(offset, row.length)
    if (isWhole && row.every((byte) => byte === 0)) continue
    const text = [...row].map((byte, index) =>
      isWhole || config.has(offset + index, 1) ? hexByte(byte) : '..',
    )
    rows.push(`        '${hex(offset, 3)}': '${text.join(' ')}'`)
  }
  const known = `      known: ${bytes.length}`
  return ['    config:', known, ...(rows.length === 0 ? ['      rows: {}'] : ['      rows:', ...rows])]
}

function slotLine(slot: Slot): string {
  const device = slot.device === undefined ? '' : `:${hex(slot.device, 2)}`
  const address = `'${hex(slot.domain, 4)}:${hex(slot.bus, 2)}${device}'`
  const driver = slot.driver === undefined ? '' : `, driver: ${quoted(slot.driver)}`
  return `  - {name: ${quoted(slot.name)}, address: ${address}${driver}}`
}
