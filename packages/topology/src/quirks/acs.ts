/**
 * Devices whose isolation Linux knows from elsewhere than their ACS capability (pci_dev_specific_acs_enabled): most
 * have no such capability but do not pass requests between their functions or ports; one family keeps its ACS
 * control register in the wrong place.
 */
import type { UngroupedFunction } from '../pci-function.ts'
import { IdTable } from './function-id.ts'

/** What decides: a fixed answer, or the misplaced registers. undefined: the general rules do. */
export type AcsQuirk = 'isolated' | 'not-isolated' | 'control-at-8'

const INTEL = 0x8086
const ZHAOXIN = 0x1d17
const WANGXUN = 0x8088

/** Whatever their type: cards whose functions do not talk to each other, ports that isolate by other means. */
const ISOLATED = new IdTable([
  { vendor: 0x1924, devices: [0x0903, 0x0923, 0x0a03] },
  // 82598, 82599 and their relatives.
  {
    vendor: INTEL,
    devices: [0x10c6, 0x10db, 0x10dd, 0x10e1, 0x10f1, [0x10f7, 0x10fc], 0x1507, 0x1514, 0x151c],
  },
  { vendor: INTEL, devices: [0x1529, 0x152a, 0x154d, 0x154f, 0x1551, 0x1558] },
  // 82580, 82576, 82575, I350, 82571, I219.
  { vendor: INTEL, devices: [0x1509, [0x150e, 0x1511], 0x1516, 0x1527] },
  { vendor: INTEL, devices: [0x10c9, [0x10e6, 0x10e8], 0x150a, 0x150d, 0x1518, 0x1526] },
  {
    vendor: INTEL,
    devices: [0x10a7, 0x10a9, 0x10d6, [0x1521, 0x1524], [0x105e, 0x1060], 0x10d9, [0x15b7, 0x15b8]],
  },
  // Root ports of server processors: Qualcomm, HXT, X-Gene, Ampere, Broadcom iProc, Loongson, NXP.
  { vendor: 0x17cb, devices: [0x0115, 0x0400, 0x0401] },
  { vendor: 0x1dbf, devices: [0x0401] },
  { vendor: 0x10e8, devices: [0xe004] },
  { vendor: 0x1def, devices: [[0xe005, 0xe00c]] },
  { vendor: 0x14e4, devices: [0xd714] },
  {
    vendor: 0x0014,
    devices: [0x3c09, 0x3c19, 0x3c29, 0x7a09, 0x7a19, 0x7a29, 0x7a39, 0x7a49, 0x7a59, 0x7a69],
  },
  {
    vendor: 0x1957,
    devices: [
      [0x8d80, 0x8d83],
      [0x8d88, 0x8d8b],
      [0x8d90, 0x8d93],
      [0x8d98, 0x8d9b],
    ],
  },
  { vendor: 0x1957, devices: [0x8da0, 0x8da1, 0x8da8, 0x8da9, 0x8db0, 0x8db1, 0x8db8, 0x8db9] },
  // Network cards: Emulex, Cavium, Broadcom.
  { vendor: 0x19a2, devices: [0x0710] },
  { vendor: 0x10df, devices: [0x0720] },
  { vendor: 0x177d, devices: [0xa026, 0xa059, 0xa060] },
  { vendor: 0x14e4, devices: [0x16d7, [0x1750, 0x1752], [0x1760, 0x1763]] },
  { vendor: ZHAOXIN, devices: [0x3038, 0x3104, 0x9083] },
])

/** Isolated as root ports only: Cavium ThunderX, Annapurna Labs, Intel chipsets before the 100 series. */
const ISOLATED_ROOT_PORTS = new IdTable([
  { vendor: 0x177d, devices: [[0xa000, 0xa7ff], 0xaf84, 0xb884] },
  { vendor: 0x1c36, devices: [0x0031] },
  {
    vendor: INTEL,
    devices: [
      [0x3b42, 0x3b51],
      [0x1c10, 0x1c1f],
      [0x1e10, 0x1e1f],
      [0x8c10, 0x8c1f],
    ],
  },
  {
    vendor: INTEL,
    devices: [
      [0x9c10, 0x9c1b],
      [0x9c90, 0x9c9b],
      [0x8d10, 0x8d1e],
    ],
  },
  { vendor: INTEL, devices: [0x1d10, 0x1d12, 0x1d14, 0x1d16, 0x1d18, 0x1d1a, 0x1d1c, 0x1d1e] },
  { vendor: INTEL, devices: [0x8c90, 0x8c92, 0x8c94, 0x8c96, 0x8c98, 0x8c9a, 0x8c9c, 0x8c9e] },
])

/** Intel 100 and 200 series and their mobile relatives: ACS in double words, so the control register is at +8. */
const CONTROL_AT_8 = new IdTable([
  {
    vendor: INTEL,
    devices: [
      [0xa110, 0xa11f],
      [0xa167, 0xa16a],
      [0xa290, 0xa29f],
      [0xa2e7, 0xa2ee],
      [0x9d10, 0x9d1b],
    ],
  },
])

/** AMD south bridges: isolated as multifunction devices on a root bus, in a machine with an AMD IOMMU. */
const AMD_SOUTH_BRIDGE = new IdTable([
  { vendor: 0x1002, devices: [[0x4383, 0x4385], 0x4399, 0x439c, 0x439d] },
  { vendor: 0x1022, devices: [0x7809, 0x780f] },
])

const ZHAOXIN_PORTS = new IdTable([
  { vendor: ZHAOXIN, devices: [[0x0710, 0x071e], 0x0721, [0x0723, 0x0752]] },
])

const WANGXUN_CARDS = new IdTable([
  {
    vendor: WANGXUN,
    devices: [[0x0100, 0x010f], 0x1001, 0x2001, 0x5010, 0x5025, 0x5040, 0x5110, 0x5125, 0x5140],
  },
])

export function acsQuirk(fn: UngroupedFunction): AcsQuirk | undefined {
  const type = fn.pcie?.type
  const onRootBus = fn.parent === undefined
  if (AMD_SOUTH_BRIDGE.has(fn) && fn.multifunction && onRootBus) return 'isolated'
  if (ISOLATED.has(fn)) return 'isolated'
  if (fn.vendorId === INTEL && type === 'rc-integrated-endpoint') return 'isolated'
  if (type === 'root-port' && ISOLATED_ROOT_PORTS.has(fn)) return 'isolated'
  if (type === 'root-port' && CONTROL_AT_8.has(fn)) return 'control-at-8'
  if (fn.vendorId === ZHAOXIN && (type === 'root-port' || type === 'downstream-port')) {
    return ZHAOXIN_PORTS.has(fn) ? 'isolated' : 'not-isolated'
  }
  if (fn.vendorId === WANGXUN) return WANGXUN_CARDS.has(fn) ? 'isolated' : 'not-isolated'
  return undefined
}
