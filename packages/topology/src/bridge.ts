/**
 * Bridge: a function that joins the bus it is on to a secondary bus.
 *
 * Its windows are the address ranges that it passes down. A window whose base is above its limit is closed; all
 * zero registers are not closed, they decode the lowest range.
 */
import type { Bdf } from './bdf.ts'
import type { ConfigSpace } from './config-space.ts'
import { BUS_NUMBERS } from './header-registers.ts'

export interface Window {
  readonly base: bigint
  /** Last byte, inclusive. */
  readonly limit: bigint
}

/** undefined: closed, or not known. */
export interface BridgeWindows {
  readonly io: Window | undefined
  readonly memory: Window | undefined
  readonly prefetchable: Window | undefined
}

export interface BusNumbers {
  readonly primary: number
  readonly secondary: number
  readonly subordinate: number
}

export interface Bridge extends BusNumbers {
  readonly bdf: Bdf
  readonly windows: BridgeWindows
}

export const NO_WINDOWS: BridgeWindows = Object.freeze({
  io: undefined,
  memory: undefined,
  prefetchable: undefined,
})

const IO_BASE = 0x1c
const IO_UPPER = 0x30
const MEMORY_BASE = 0x20
const PREFETCHABLE_BASE = 0x24
const PREFETCHABLE_UPPER_BASE = 0x28
const PREFETCHABLE_UPPER_LIMIT = 0x2c

/** undefined when the registers are not known. CardBus bridges keep them at the same place. */
export function decodeBusNumbers(config: ConfigSpace): BusNumbers | undefined {
  if (!config.has(BUS_NUMBERS, 3)) return undefined
  return {
    primary: config.read8(BUS_NUMBERS),
    secondary: config.read8(BUS_NUMBERS + 1),
    subordinate: config.read8(BUS_NUMBERS + 2),
  }
}

/** Windows of a type 1 header; those whose registers are not known are undefined. */
export function decodeWindows(config: ConfigSpace): BridgeWindows {
  return Object.freeze({
    io: decodeIo(config),
    memory: decodeMemory(config),
    prefetchable: decodePrefetchable(config),
  })
}

function open(base: bigint, limit: bigint): Window | undefined {
  return base > limit ? undefined : Object.freeze({ base, limit })
}

function decodeIo(config: ConfigSpace): Window | undefined {
  if (!config.has(IO_BASE, 2)) return undefined
  const baseRegister = config.read8(IO_BASE)
  const limitRegister = config.read8(IO_BASE + 1)
  let base = BigInt(baseRegister & 0xf0) << 8n
  let limit = BigInt(limitRegister & 0xf0) << 8n
  if ((baseRegister & 0xf) === 1 && config.has(IO_UPPER, 4)) {
    base |= BigInt(config.read16(IO_UPPER)) << 16n
    limit |= BigInt(config.read16(IO_UPPER + 2)) << 16n
  }
  return open(base, limit + 0xfffn)
}

function decodeMemory(config: ConfigSpace): Window | undefined {
  if (!config.has(MEMORY_BASE, 4)) return undefined
  const base = BigInt(config.read16(MEMORY_BASE) & 0xfff0) << 16n
  const limit = BigInt(config.read16(MEMORY_BASE + 2) & 0xfff0) << 16n
  return open(base, limit + 0xfffffn)
}

function decodePrefetchable(config: ConfigSpace): Window | undefined {
  if (!config.has(PREFETCHABLE_BASE, 4)) return undefined
  const baseRegister = config.read16(PREFETCHABLE_BASE)
  let base = BigInt(baseRegister & 0xfff0) << 16n
  let limit = BigInt(config.read16(PREFETCHABLE_BASE + 2) & 0xfff0) << 16n
  if ((baseRegister & 0xf) === 1 && config.has(PREFETCHABLE_UPPER_BASE, 8)) {
    const upperBase = config.read32(PREFETCHABLE_UPPER_BASE)
    const upperLimit = config.read32(PREFETCHABLE_UPPER_LIMIT)
    // Linux ignores both halves when they contradict each other (pci_read_bridge_mmio_pref).
    if (upperBase <= upperLimit) {
      base |= BigInt(upperBase) << 32n
      limit |= BigInt(upperLimit) << 32n
    }
  }
  return open(base, limit + 0xfffffn)
}
