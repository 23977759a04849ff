/** Devices with a reset of their own, and devices whose advertised reset does not work (Linux 7.2). */
import type { PciFunction } from '../pci-function.ts'
import { IdTable } from './function-id.ts'

type Reset = Pick<PciFunction, 'vendorId' | 'deviceId' | 'classCode' | 'revision' | 'parent' | 'pcie'>

/** 82599 virtual functions, Ivy Bridge graphics, Hinic virtual functions: whatever they advertise. */
const OWN_RESET = new IdTable([
  { vendor: 0x8086, devices: [0x10ed, 0x0156, 0x0166] },
  { vendor: 0x19e5, devices: [0x375e] },
])

/** NVMe controllers that need care around a function level reset, and so need to have one. */
const OWN_AROUND_FLR = new IdTable([
  { vendor: 0x144d, devices: [0xa804] },
  { vendor: 0x8086, devices: [0x0953, 0x0a54] },
  { vendor: 0x025e, devices: [0xf1ac] },
])

/** Chelsio T4 cards; later ones have the bits 12-15 of the device id other than 4. */
const CHELSIO = 0x1425

export function hasOwnReset(fn: Reset): boolean {
  if (OWN_RESET.has(fn)) return true
  if (fn.vendorId === CHELSIO) return (fn.deviceId & 0xf000) === 0x4000
  return OWN_AROUND_FLR.has(fn) && fn.pcie?.functionLevelReset === true && !flrIsBroken(fn)
}

const NO_FLR = new IdTable([
  { vendor: 0x1022, devices: [0x1487, 0x148c, 0x149c, 0x1502, 0x17f0, 0x7901] },
  { vendor: 0x8086, devices: [0x1502, 0x1503] },
  { vendor: 0x14c3, devices: [0x0616, 0x7925] },
])
const SOLIDRUN_SNET = new IdTable([{ vendor: 0xd063, devices: [0x1000] }])

export function flrIsBroken(fn: Reset): boolean {
  return NO_FLR.has(fn) || (SOLIDRUN_SNET.has(fn) && fn.revision === 1)
}

const ATI = 0x1002
const CLASS_VGA = 0x0300

/** AMD graphics cards other than integrated ones lose their firmware's set-up in D3hot. */
export function pmResetIsBroken(fn: Reset): boolean {
  return fn.vendorId === ATI && fn.classCode >>> 8 === CLASS_VGA && fn.parent !== undefined
}
