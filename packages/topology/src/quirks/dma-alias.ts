/** Devices that send requests under another function's id (Linux: pci_add_dma_alias). */
import type { UngroupedFunction } from '../pci-function.ts'
import { IdTable } from './function-id.ts'

/** Requests come from function 0 of the device: Ricoh, Glenfly. */
const AS_FUNCTION_0 = new IdTable([
  { vendor: 0x1180, devices: [0xe476, 0xe832] },
  { vendor: 0x6766, devices: [0x3d40, 0x3d41] },
])

/** From function 1, which may not even exist: Marvell SATA, HighPoint, JMicron, Lite-On. */
const AS_FUNCTION_1 = new IdTable([
  {
    vendor: 0x1b4b,
    devices: [0x9120, 0x9123, 0x9125, 0x9128, 0x9130, 0x9170, 0x9172, 0x917a, 0x9182, 0x9183],
  },
  { vendor: 0x1b4b, devices: [0x91a0, 0x9215, 0x9220, 0x9230, 0x9235] },
  { vendor: 0x1103, devices: [0x0642, 0x0645] },
  { vendor: 0x197b, devices: [0x2392] },
  { vendor: 0x1c28, devices: [0x0122] },
])

const ADAPTEC = new IdTable([{ vendor: 0x9005, devices: [0x0285] }])
const ADAPTEC_SUBSYSTEMS = [0x02bb, 0x02bc]
const MIC_X200 = new IdTable([{ vendor: 0x8086, devices: [0x2260, 0x2264] }])
const MIC_X200_DEVFNS = [0x80, 0x88, 0x93]
const VISUAL_COMPUTE = new IdTable([{ vendor: 0x8086, devices: [[0x2954, 0x2956], 0x2958, 0x2959, 0x295a] }])
const PLX_NTB = new IdTable([{ vendor: 0x10b5, devices: [0x87b0, 0x87b1] }])

/** The devfns, other than its own, that a function's requests may carry. */
export function dmaAliases(fn: UngroupedFunction, devfn: number): readonly number[] {
  const own = devfn & ~7
  if (AS_FUNCTION_0.has(fn)) return devfn === own ? [] : [own]
  if (AS_FUNCTION_1.has(fn)) return devfn === own + 1 ? [] : [own + 1]
  if (ADAPTEC.has(fn) && fn.subsystem?.vendorId === 0x9005) {
    return ADAPTEC_SUBSYSTEMS.includes(fn.subsystem.deviceId) ? [0x08] : []
  }
  if (MIC_X200.has(fn)) return MIC_X200_DEVFNS
  if (VISUAL_COMPUTE.has(fn)) return Array.from({ length: 160 }, (_, n) => 8 * Math.floor(n / 5) + (n % 5))
  if (PLX_NTB.has(fn)) return Array.from({ length: 256 }, (_, n) => n)
  return []
}

/** Bridges whose bus translates by itself: aliases above them do not count. */
const TRANSLATION_ROOTS = new IdTable([{ vendor: 0x14e4, devices: [0x9000, 0x9084] }])

export function isTranslationRoot(fn: UngroupedFunction): boolean {
  return TRANSLATION_ROOTS.has(fn)
}
