/**
 * Vital product data: a memory of the device behind an address and a data register.
 *
 * The user's registers are a copy. A transfer is one of the kernel's own, through the real registers,
 * within the size that the data itself says; when it cannot be done the flag of the user stays as it was
 * written, which any driver takes for a device that does not answer. Kernel: `pci_read_vpd`,
 * `pci_write_vpd`, `pci_vpd_size`.
 */
import type { PciHardware } from '@vfiokit/hardware'
import { VPD } from './capability-permissions.ts'
import type { VirtualConfig } from './virtual-config.ts'

/** The address has 15 bits. */
const MAX_BYTES = 0x8000
const DATA_BYTES = 4
/** Tags: large ones have a length of 16 bits behind them, small ones one of 3 bits in them. */
const TAG = { LARGE: 0x80, END: 0x78, SMALL_LENGTH: 0x07 } as const

/** Does what the flag of the user's address register asks for. */
export function transferVpd(config: VirtualConfig, start: number): void {
  const { hardware } = config
  const address = config.copy(start + VPD.ADDRESS, 2)
  const place = address & ~VPD.FLAG
  const sizeBytes = vpdBytes(hardware, start)
  if (place + DATA_BYTES > sizeBytes || place % DATA_BYTES !== 0) return
  if ((address & VPD.FLAG) !== 0) {
    if (!writeDword(hardware, start, place, config.copy(start + VPD.DATA, 4))) return
  } else {
    const data = readDword(hardware, start, place)
    if (data === undefined) return
    config.setCopy(start + VPD.DATA, 4, data)
  }
  config.setCopy(start + VPD.ADDRESS, 2, address ^ VPD.FLAG)
}

/** How much there is, up to and with the end tag; 0 when there is none, or the device does not answer. */
function vpdBytes(hardware: PciHardware, start: number): number {
  const byteAt = (at: number): number | undefined => {
    const dword = at < MAX_BYTES ? readDword(hardware, start, at & ~3) : undefined
    return dword === undefined ? undefined : (dword >>> (8 * (at & 3))) & 0xff
  }
  for (let at = 0; at < MAX_BYTES; ) {
    const tag = byteAt(at)
    if (tag === undefined) return 0
    if ((tag & ~TAG.SMALL_LENGTH) === TAG.END) return at + 1 + (tag & TAG.SMALL_LENGTH)
    if ((tag & TAG.LARGE) === 0) return 0
    const [low, high] = [byteAt(at + 1), byteAt(at + 2)]
    if (low === undefined || high === undefined) return 0
    at += 3 + low + 256 * high
  }
  return 0
}

/** Undefined when the device does not raise the flag. */
function readDword(hardware: PciHardware, start: number, place: number): number | undefined {
  hardware.writeConfig(start + VPD.ADDRESS, 2, place)
  if ((hardware.readConfig(start + VPD.ADDRESS, 2) & VPD.FLAG) === 0) return undefined
  return hardware.readConfig(start + VPD.DATA, 4)
}

/** @returns whether the device took the flag down */
function writeDword(hardware: PciHardware, start: number, place: number, data: number): boolean {
  hardware.writeConfig(start + VPD.DATA, 4, data)
  hardware.writeConfig(start + VPD.ADDRESS, 2, place | VPD.FLAG)
  return (hardware.readConfig(start + VPD.ADDRESS, 2) & VPD.FLAG) === 0
}
