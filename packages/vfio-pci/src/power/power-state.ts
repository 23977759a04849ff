/**
 * Power states of a function, as the host changes them. Kernel: `pci_set_power_state`, `pci_power_up`.
 *
 *   up      to D0 from anywhere: the whole control word becomes 0, so PME and data select are lost
 *   down    one or more states deeper, other bits kept; a function that lacks the state stays
 *   up a bit (D3hot to D2, D2 to D1): refused
 */
import type { PciHardware, PowerState } from '@vfiokit/hardware'
import { POWER_STATES } from '@vfiokit/locking'
import { CAPABILITY_ID } from '@vfiokit/topology'
import { PM_CONTROL } from '../config/capability-permissions.ts'
import { capabilityOffset } from '../config/virtual-config.ts'

/** Moves a function to a power state, and answers the state that it is in afterwards. */
export function changePower(hardware: PciHardware, wanted: PowerState): PowerState {
  const found = hardware.powerState
  const capability = capabilityOffset(hardware, CAPABILITY_ID.powerManagement)
  if (wanted === found || capability === undefined) return found
  const control = capability + PM_CONTROL.OFFSET
  const depth = POWER_STATES.indexOf(wanted)
  if (depth === 0) hardware.writeConfig(control, 2, 0)
  else if (depth > POWER_STATES.indexOf(found))
    hardware.writeConfig(control, 2, (hardware.readConfig(control, 2) & ~PM_CONTROL.STATE) | depth)
  return hardware.powerState
}

/** Puts a function into D0, if it has power management. */
export function powerUp(hardware: PciHardware): void {
  changePower(hardware, 'D0')
}
