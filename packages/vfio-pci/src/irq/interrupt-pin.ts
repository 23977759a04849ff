/** How the interrupt pin of a function is used and masked. Kernel: `nointx`, `pci_2_3` of an open device. */
import type { PciHardware } from '@vfiokit/hardware'
import { COMMAND, HEADER } from '../config/register-permissions.ts'

/**
 * unused: the function shows no pin; by-command: masked by its own interrupt-disable bit; at-controller:
 * masked at the interrupt controller of the host, which nobody else may share then.
 */
export type PinUse = 'unused' | 'by-command' | 'at-controller'

const INTEL = 0x8086
/** Devices whose pin raises interrupts that nothing can mask, by id. Kernel: `vfio_pci_nointx`. */
const PIN_NOT_USABLE: readonly (readonly [number, number])[] = [
  [0x1563, 0x1563],
  [0x1572, 0x1572],
  [0x1574, 0x1574],
  [0x1580, 0x1581],
  [0x1583, 0x158b],
  [0x37d0, 0x37d2],
]

/** @param nointxmask - The module option: neither the list nor the bit is asked. */
export function pinUse(hardware: PciHardware, nointxmask: boolean): PinUse {
  if (nointxmask) return 'at-controller'
  if (isNotUsable(hardware)) return 'unused'
  return hasDisableBit(hardware) ? 'by-command' : 'at-controller'
}

function isNotUsable({ identity }: PciHardware): boolean {
  if (identity.vendorId !== INTEL) return false
  return PIN_NOT_USABLE.some(([first, last]) => identity.deviceId >= first && identity.deviceId <= last)
}

/** Tries whether the bit can be changed. Kernel: `pci_intx_mask_supported`. */
function hasDisableBit(hardware: PciHardware): boolean {
  const found = hardware.readConfig(HEADER.COMMAND, 2)
  hardware.writeConfig(HEADER.COMMAND, 2, found ^ COMMAND.INTX_DISABLE)
  const changed = hardware.readConfig(HEADER.COMMAND, 2)
  hardware.writeConfig(HEADER.COMMAND, 2, found)
  return ((changed ^ found) & COMMAND.INTX_DISABLE) !== 0
}
