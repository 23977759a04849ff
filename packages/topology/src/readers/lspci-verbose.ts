/** What the lines of `lspci -v` say beyond the bytes: ids in brackets, BAR sizes, driver, group and slot. */
import type { Bar, BarIndex } from '../bar.ts'
import type { BusNumbers } from '../bridge.ts'
import type { FunctionInput, SubsystemIds } from '../pci-function.ts'

export interface VerboseFacts {
  /** From the first line, when it was printed with -n or -nn. */
  readonly identity: Pick<FunctionInput, 'vendorId' | 'deviceId' | 'classCode' | 'revision'>
  readonly bars: Bar[]
  /** Class in words, when it was printed without ids. */
  readonly className?: string
  busNumbers?: BusNumbers
  subsystem?: SubsystemIds
  driver?: string
  iommuGroup?: number
  slot?: string
}

const DESCRIPTION_MAX = 1000
const TAIL = /(?: \(rev ([0-9a-f]{2})\))?(?: \(prog-if ([0-9a-f]{2})(?: \[.*\])?\))?$/i
/** -nn: `Class [cccc]: Vendor Device [vvvv:dddd]`; names may hold brackets, so from the right. */
const WITH_NAMES = /^.*?\[([0-9a-f]{4})\]: .*\[([0-9a-f]{4}):([0-9a-f]{4})\]$/i
/** -n: `cccc: vvvv:dddd`. */
const NUMBERS_ONLY = /^(?:class )?([0-9a-f]{4}): ([0-9a-f]{4}):([0-9a-f]{4})$/i

function hex(text: string): number {
  return Number.parseInt(text, 16)
}

/** @param description what follows the address on the first line. */
export function headerFacts(description: string): VerboseFacts {
  // Longer than any name: matching from the right is not linear, and somebody may paste anything.
  if (description.length > DESCRIPTION_MAX) return { identity: {}, bars: [] }
  const tail = TAIL.exec(description)!
  const head = description.slice(0, tail.index)
  const match = WITH_NAMES.exec(head) ?? NUMBERS_ONLY.exec(head)
  if (match === null) return { identity: {}, bars: [], className: head.split(':', 1)[0]! }
  const identity = {
    vendorId: hex(match[2]!),
    deviceId: hex(match[3]!),
    classCode: hex(match[1]!) * 256 + hex(tail[2] ?? '0'),
    revision: hex(tail[1] ?? '0'),
  }
  return { identity, bars: [] }
}

const REGION = /^Region ([0-5]): (.*)$/
const ROM = /^Expansion ROM at (.*)$/
const SUBSYSTEM = /^Subsystem: (?:.*\[)?([0-9a-f]{4}):([0-9a-f]{4})\]?$/i
const DRIVER = /^Kernel driver in use: (\S+)$/
const GROUP = /^IOMMU group: (\d{1,9})$/
const BUS_NUMBERS = /^Bus: primary=([0-9a-f]{2}), secondary=([0-9a-f]{2}), subordinate=([0-9a-f]{2})/i
const SLOT = /^Physical Slot: (\S.*)$/

/** Adds what one line says. */
export function verboseFacts(facts: VerboseFacts, text: string, inCapabilities: boolean): void {
  const region = REGION.exec(text)
  const rom = ROM.exec(text)
  const bar =
    region !== null
      ? barOf(Number(region[1]) as BarIndex, region[2]!)
      : rom !== null
        ? romOf(rom[1]!)
        : undefined
  if (bar !== undefined && !inCapabilities) facts.bars.push(bar)
  const subsystem = SUBSYSTEM.exec(text)
  if (subsystem !== null && !inCapabilities) {
    facts.subsystem = Object.freeze({ vendorId: hex(subsystem[1]!), deviceId: hex(subsystem[2]!) })
  }
  const driver = DRIVER.exec(text)
  if (driver !== null) facts.driver = driver[1]!
  const group = GROUP.exec(text)
  if (group !== null) facts.iommuGroup = Number(group[1])
  const numbers = BUS_NUMBERS.exec(text)
  if (numbers !== null) {
    const [primary, secondary, subordinate] = numbers.slice(1).map(hex) as [number, number, number]
    facts.busNumbers = Object.freeze({ primary, secondary, subordinate })
  }
  const slot = SLOT.exec(text)
  if (slot !== null) facts.slot = slot[1]!
}

const MEMORY = /^Memory at (<\w+>|[0-9a-f]{1,16}) \(([^)]*)\)/i
const PORTS = /^I\/O ports at (<\w+>|[0-9a-f]{1,8})(?= |$)/i
const SIZE = /\[size=(\d+)([KMGT]?)\]/
const UNITS: Readonly<Record<string, number>> = { '': 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30, T: 2 ** 40 }

/** `<unassigned>` and `<ignored>` have no address. */
function address(text: string): bigint {
  return text.startsWith('<') ? 0n : BigInt(`0x${text}`)
}

function sizeOf(text: string): number | undefined {
  const match = SIZE.exec(text)
  const bytes = match === null ? Number.NaN : Number(match[1]) * UNITS[match[2]!]!
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : undefined
}

function barOf(index: BarIndex, text: string): Bar | undefined {
  const sizeBytes = sizeOf(text)
  const memory = MEMORY.exec(text)
  if (memory !== null) {
    const properties = memory[2]!.split(', ')
    return Object.freeze({
      index,
      kind: 'memory' as const,
      width: properties.includes('64-bit') ? (64 as const) : (32 as const),
      prefetchable: properties.includes('prefetchable'),
      address: address(memory[1]!),
      sizeBytes,
      ...(properties.includes('low-1M') ? { below1M: true as const } : {}),
    })
  }
  const ports = PORTS.exec(text)
  if (ports === null) return undefined
  const rest = { width: 32 as const, prefetchable: false }
  return Object.freeze({ index, kind: 'io' as const, ...rest, address: address(ports[1]!), sizeBytes })
}

function romOf(text: string): Bar | undefined {
  const match = /^(<\w+>|[0-9a-f]{1,16})(?= |$)/i.exec(text)
  if (match === null) return undefined
  return Object.freeze({
    index: 'rom' as const,
    kind: 'memory' as const,
    width: 32 as const,
    prefetchable: false,
    address: address(match[1]!),
    sizeBytes: sizeOf(text),
    romEnabled: !text.includes('[disabled]'),
  })
}
