/**
 * Bar: one base address register, or the expansion ROM, as a function decodes it.
 *
 * | register | kind | address bits |
 * |---|---|---|
 * | bit 0 set | I/O | ~0x3 |
 * | bits 1-2 = 0 | memory, 32-bit | ~0xf |
 * | bits 1-2 = 1 | memory below 1 MiB, handled as 32-bit | ~0xf |
 * | bits 1-2 = 2 | memory, 64-bit: the next register is the upper half | ~0xf |
 * | ROM | bit 0 enables it | ~0x7ff |
 *
 * A register value says nothing about size: a source that has sizes (sysfs `resource`) gives them beside.
 */
import type { ConfigSpace } from './config-space.ts'
import type { Diagnostic } from './diagnostic.ts'

export type BarIndex = 0 | 1 | 2 | 3 | 4 | 5

export interface Bar {
  readonly index: BarIndex | 'rom'
  readonly kind: 'io' | 'memory'
  readonly width: 32 | 64
  readonly prefetchable: boolean
  /** 0 when the register was never assigned. */
  readonly address: bigint
  /** Bytes; undefined when the source has registers only (a dump). */
  readonly sizeBytes: number | undefined
  /** Type field says "below 1 MiB". Absent otherwise. */
  readonly below1M?: true
  /** Decode enable bit of a ROM; absent for the others, whose enable is in the command register. */
  readonly romEnabled?: boolean
}

/** Where a header of each type keeps its registers: number of BARs, ROM offset. */
export const BAR_LAYOUT: readonly { readonly count: number; readonly rom: number | undefined }[] = [
  { count: 6, rom: 0x30 },
  { count: 2, rom: 0x38 },
  { count: 1, rom: undefined },
]

export const FIRST_BAR_OFFSET = 0x10
const ROM_ADDRESS_MASK = 0xfffff800

/** The fields that one register value decides, its upper half aside. */
function decodeBarRegister(value: number): Pick<Bar, 'kind' | 'width' | 'prefetchable' | 'below1M'> {
  if ((value & 1) !== 0) return { kind: 'io', width: 32, prefetchable: false }
  const type = (value >>> 1) & 3
  return {
    kind: 'memory',
    width: type === 2 ? 64 : 32,
    prefetchable: (value & 8) !== 0,
    ...(type === 1 ? { below1M: true as const } : {}),
  }
}

export interface DecodedBars {
  readonly bars: readonly Bar[]
  readonly faults: readonly Diagnostic[]
}

/** BARs by register value alone: sizes unknown, a zero register counts as not implemented. */
export function decodeBars(config: ConfigSpace, headerType: 0 | 1 | 2): DecodedBars {
  const { count, rom } = BAR_LAYOUT[headerType]!
  const { bars, faults } = decodeRegisters(config, FIRST_BAR_OFFSET, count)
  const romBar = rom === undefined ? undefined : decodeRom(config, rom)
  return { bars: romBar === undefined ? bars : [...bars, romBar], faults }
}

/** `count` registers from `first` on, in the header or in the SR-IOV capability. */
export function decodeRegisters(config: ConfigSpace, first: number, count: number): DecodedBars {
  const bars: Bar[] = []
  const faults: Diagnostic[] = []
  for (let index = 0; index < count; index += 1) {
    const offset = first + 4 * index
    if (!config.has(offset, 4)) continue
    const value = config.read32(offset)
    if (value === 0 || value === 0xffffffff) continue
    const decoded = decodeBarRegister(value)
    let address = BigInt((value & (decoded.kind === 'io' ? ~3 : ~0xf)) >>> 0)
    if (decoded.width === 64) {
      if (index + 1 >= count || !config.has(offset + 4, 4)) {
        faults.push(missingUpperHalf(index))
      } else {
        address |= BigInt(config.read32(offset + 4)) << 32n
      }
    }
    bars.push(Object.freeze({ index: index as BarIndex, ...decoded, address, sizeBytes: undefined }))
    if (decoded.width === 64) index += 1
  }
  return { bars, faults }
}

function missingUpperHalf(index: number): Diagnostic {
  return {
    severity: 'warning',
    code: 'bar-without-upper-half',
    message: `BAR ${index} says 64-bit but has no register above it: its upper half is taken as 0`,
  }
}

function decodeRom(config: ConfigSpace, offset: number): Bar | undefined {
  if (!config.has(offset, 4)) return undefined
  const value = config.read32(offset)
  if (value === 0 || value === 0xffffffff) return undefined
  return Object.freeze({
    index: 'rom' as const,
    kind: 'memory' as const,
    width: 32 as const,
    prefetchable: false,
    address: BigInt((value & ROM_ADDRESS_MASK) >>> 0),
    sizeBytes: undefined,
    romEnabled: (value & 1) !== 0,
  })
}

/** Address bits of a register that was read back after all ones were written to it. */
const SIZING_MASK: Readonly<Record<'io' | 'memory' | 'rom', number>> = {
  io: 0xfffffffc,
  memory: 0xfffffff0,
  rom: ROM_ADDRESS_MASK,
}

/**
 * Size in bytes from the sizing probe (write all ones, read back): the lowest address bit that stuck, both halves
 * of a 64-bit BAR taken together. 0n when the register is not implemented.
 *
 * @param readback the register as read back.
 * @param upper the next register as read back, for a 64-bit BAR.
 *
 * @example
 * import { barSizeFromProbe } from '@vfiokit/topology'
 * console.log(barSizeFromProbe('memory', 0xfffff000)) // => 4096n
 */
export function barSizeFromProbe(kind: 'io' | 'memory' | 'rom', readback: number, upper = 0): bigint {
  if (readback === 0xffffffff && upper === 0) return 0n
  const bits = (BigInt(upper >>> 0) << 32n) | BigInt((readback & SIZING_MASK[kind]) >>> 0)
  return bits & -bits
}
