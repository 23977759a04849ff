/** BARs beyond the header: resizable BARs (extended 15, of virtual functions 24) and EA (standard 14). */
import type { CapabilityLayout } from '../capability-layout.ts'
import { register } from '../capability-layout.ts'
import type { ConfigSpace } from '../config-space.ts'
import { HEADER_TYPE } from '../header-registers.ts'

export interface ResizableBar {
  readonly bar: number
  readonly currentBytes: bigint
  /** Ascending. */
  readonly supportedBytes: readonly bigint[]
}

const REBAR_ENTRY_BYTES = 8
const FIRST_SIZE = 20n

/** Bits 4-31 of the first register are 1 MiB to 128 TiB, bits 16-31 of the second the sizes above. */
function supportedSizes(capability: number, control: number): readonly bigint[] {
  const sizes: bigint[] = []
  for (let bit = 4; bit < 32; bit += 1) {
    if (((capability >>> bit) & 1) === 1) sizes.push(1n << (FIRST_SIZE + BigInt(bit - 4)))
  }
  for (let bit = 16; bit < 32; bit += 1) {
    if (((control >>> bit) & 1) === 1) sizes.push(1n << (FIRST_SIZE + BigInt(bit + 12)))
  }
  return sizes
}

function resizableBars(config: ConfigSpace, offset: number): Readonly<Record<string, unknown>> {
  const bars: ResizableBar[] = []
  const count = config.has(offset + 8, 4) ? (config.read32(offset + 8) >>> 5) & 7 : 0
  for (let index = 0; index < count; index += 1) {
    const entry = offset + 4 + REBAR_ENTRY_BYTES * index
    if (!config.has(entry, REBAR_ENTRY_BYTES)) break
    const control = config.read32(entry + 4)
    const current = 1n << (FIRST_SIZE + BigInt((control >>> 8) & 0x3f))
    const supportedBytes = supportedSizes(config.read32(entry), control)
    bars.push({ bar: control & 7, currentBytes: current, supportedBytes })
  }
  return { bars }
}

export const RESIZABLE_BAR: CapabilityLayout = {
  id: 0x15,
  extended: true,
  sizeBytes: 12,
  fields: [],
  more: resizableBars,
}

export const VF_RESIZABLE_BAR: CapabilityLayout = { ...RESIZABLE_BAR, id: 0x24 }

export interface EnhancedAllocationEntry {
  /** 0-5 BAR, 6 behind the bridge, 7 none, 8 ROM, 9-14 BAR of virtual functions. */
  readonly barEquivalent: number
  readonly primaryProperty: number
  readonly secondaryProperty: number
  readonly enabled: boolean
  readonly writable: boolean
  readonly start: bigint
  /** Last byte, inclusive. */
  readonly end: bigint
  /** false: its length is not what it says, or it wraps around. */
  readonly consistent: boolean
}

const FIELD_64_BIT = 2

/** Entries after the header; a bridge has one more double word before them. */
export function enhancedAllocation(config: ConfigSpace, offset: number): readonly EnhancedAllocationEntry[] {
  if (!config.has(offset + 2, 2) || !config.has(HEADER_TYPE, 1)) return []
  const count = config.read16(offset + 2) & 0x3f
  const entries: EnhancedAllocationEntry[] = []
  let at = offset + ((config.read8(HEADER_TYPE) & 0x7f) === 1 ? 8 : 4)
  for (let index = 0; index < count; index += 1) {
    const read = enhancedEntry(config, at)
    if (read === undefined) break
    entries.push(read.entry)
    at += 4 + 4 * read.sizeDwords
  }
  return entries
}

function enhancedEntry(
  config: ConfigSpace,
  at: number,
): { readonly entry: EnhancedAllocationEntry; readonly sizeDwords: number } | undefined {
  if (!config.has(at, 12)) return undefined
  const head = config.read32(at)
  const sizeDwords = head & 7
  const base = config.read32(at + 4)
  const maxOffset = config.read32(at + 8)
  let next = at + 12
  const upper = (low: number): bigint | undefined => {
    if ((low & FIELD_64_BIT) === 0) return 0n
    next += 4
    return config.has(next - 4, 4) ? BigInt(config.read32(next - 4)) << 32n : undefined
  }
  const baseUpper = upper(base)
  const offsetUpper = upper(maxOffset)
  if (baseUpper === undefined || offsetUpper === undefined) return undefined
  const start = baseUpper | BigInt((base & ~3) >>> 0)
  const end = start + (offsetUpper | BigInt((maxOffset | 3) >>> 0))
  const entry = {
    barEquivalent: (head >>> 4) & 0xf,
    primaryProperty: (head >>> 8) & 0xff,
    secondaryProperty: (head >>> 16) & 0xff,
    writable: ((head >>> 30) & 1) === 1,
    enabled: head >>> 31 === 1,
    start,
    end,
    consistent: next - at === 4 + 4 * sizeDwords && end < 1n << 64n,
  }
  return { entry, sizeDwords }
}

export const ENHANCED_ALLOCATION: CapabilityLayout = {
  id: 0x14,
  extended: false,
  sizeBytes: 4,
  fields: [register(2, 2).number('entryCount', 0, 6)],
  more: (config, offset) => ({ entries: enhancedAllocation(config, offset) }),
}
