/**
 * BAR resources of a function: where the host put each BAR and how big it is, and the register bits that follow.
 *
 * A dump has registers but no sizes. A size that neither the topology nor a profile knows is assumed to be the
 * smallest that is common (memory one page, I/O 32 bytes, ROM 2 KiB), less when the address is not aligned to it,
 * and said in a diagnostic.
 */
import type { Bar, BarIndex, Diagnostic, PciFunction } from '@vfiokit/topology'
import type { FunctionProfile } from './function-profile.ts'
import type { BarResource } from './pci-hardware.ts'

const ASSUMED_BYTES = { io: 32, memory: 4096, rom: 2048 } as const
/** A larger one would not be exact as a number; no BAR that exists comes near. */
const LARGEST_BYTES = 2 ** 52
const ROM_ENABLE = 1
const FIRST_BAR = 0x10
/** By header type: it has no upper half, whatever its type bits say. */
const LAST_BAR = [5, 1, 0] as const
/** By header type; a CardBus bridge has no ROM. */
const ROM = [0x30, 0x38, undefined] as const

/** Where firmware copies the ROM of the first display to. */
const SHADOW_ROM_START = 0xc_0000n

/** Whether a ROM is a copy in the host's memory: it answers whatever the function decodes. */
export function isShadowRom({ bar, start }: Pick<BarResource, 'bar' | 'start'>): boolean {
  return bar === 'rom' && start === SHADOW_ROM_START
}

export interface BarResources {
  readonly resources: readonly BarResource[]
  readonly diagnostics: readonly Diagnostic[]
}

export function barResources(fn: PciFunction, profile: FunctionProfile | undefined): BarResources {
  const diagnostics: Diagnostic[] = []
  const resources = fn.bars.map((bar): BarResource => {
    const measured = profile?.barSizes?.find((entry) => entry.bar === bar.index && entry.where !== 'sriov-vf')
    const sizeBytes = sizeOf(fn, bar, bar.sizeBytes ?? measured?.size, diagnostics)
    const { index, kind, prefetchable, address } = bar
    const width = index === LAST_BAR[fn.headerType] ? 32 : bar.width
    return Object.freeze({ bar: index, kind, width, prefetchable, start: address, sizeBytes })
  })
  return { resources: Object.freeze(resources), diagnostics }
}

function sizeOf(fn: PciFunction, bar: Bar, known: number | undefined, diagnostics: Diagnostic[]): number {
  const report = (code: string, message: string, expected: string, found: string): void => {
    diagnostics.push({
      severity: 'warning',
      code,
      message: `BAR ${bar.index}: ${message}`,
      expected,
      found,
      bdf: fn.bdf,
    })
  }
  if (known === undefined || !(known >= 1 && known <= LARGEST_BYTES)) {
    const common = ASSUMED_BYTES[bar.index === 'rom' ? 'rom' : bar.kind]
    const aligned = Number(bar.address & -bar.address)
    const assumed = aligned === 0 ? common : Math.min(common, aligned)
    const found = known === undefined ? 'no size' : `${known} bytes`
    report(
      'bar-size-unknown',
      `size not known, ${assumed} bytes are assumed`,
      `1 to ${LARGEST_BYTES} bytes`,
      found,
    )
    return assumed
  }
  let power = 1
  while (power < known) power *= 2
  if (power !== known) {
    const message = `size is not a power of two, ${power} bytes are decoded`
    report('bar-size-not-power-of-two', message, 'a power of two', `${known} bytes`)
  }
  return power
}

/** Where the register of a BAR is; undefined for a ROM that this header type does not have. */
export function registerOffset(bar: BarIndex | 'rom', headerType: 0 | 1 | 2): number | undefined {
  return bar === 'rom' ? ROM[headerType] : FIRST_BAR + 4 * bar
}

/** Register of a BAR (both halves of a 64-bit one): the bits that hold the address, and those that say what it is. */
export interface BarRegisterBits {
  readonly addressLow: number
  /** 0 for a 32-bit BAR. */
  readonly addressHigh: number
  readonly type: number
  /** Of a ROM: bit 0, stored beside the address. */
  readonly enable: number
}

export function registerBits(bar: Omit<BarResource, 'start'>): BarRegisterBits {
  const mask = -BigInt(bar.sizeBytes)
  const low = Number(BigInt.asUintN(32, mask))
  if (bar.bar === 'rom')
    return { addressLow: (low & 0xfffff800) >>> 0, addressHigh: 0, type: 0, enable: ROM_ENABLE }
  if (bar.kind === 'io') return { addressLow: (low & ~3) >>> 0, addressHigh: 0, type: 1, enable: 0 }
  return {
    addressLow: (low & ~0xf) >>> 0,
    addressHigh: bar.width === 64 ? Number(BigInt.asUintN(32, mask >> 32n)) : 0,
    type: (bar.width === 64 ? 4 : 0) | (bar.prefetchable ? 8 : 0),
    enable: 0,
  }
}
