/** Devices that a secondary bus reset breaks (Linux 7.2: quirk_no_bus_reset). */
import { type Identified, IdTable } from './function-id.ts'

const NO_BUS_RESET = new IdTable([
  { vendor: 0x10de, devices: [0x22ce, 0x22d0, [0x2340, 0x237f]] },
  { vendor: 0x168c, devices: [0x0030, 0x0032, 0x0033, 0x0034, 0x003c, 0x003e] },
  { vendor: 0x17cb, devices: [0x0308, 0x1103, 0x1107] },
  { vendor: 0x177d, devices: [0xa100] },
  { vendor: 0x104c, devices: [0xb005] },
  { vendor: 0x1b21, devices: [0x1164] },
])

/** Whether Linux refuses a secondary bus reset that would hit this function. */
export function forbidsBusReset(fn: Identified): boolean {
  return NO_BUS_RESET.has(fn)
}
