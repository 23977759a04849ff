/**
 * The reset of a whole set when its last device is closed, for functions that cannot be reset alone.
 *
 * Kernel: `vfio_pci_dev_set_try_reset`. Failures are silent: nobody is there to be told.
 */
import type { VfioDevice } from '@vfiokit/vfio-core'
import type { PciBus } from '../pci-bus.ts'

/** Runs with the set locked, after the device was disabled. */
export function lastCloseReset(bus: PciBus, device: VfioDevice): void {
  const affected = bus.reachOf(device)
  if (affected === undefined) return
  const members = device.set.devices.flatMap((member) => bus.driverOf(member) ?? [])
  if (members.some((member) => member.open !== undefined)) return
  if (!members.some((member) => member.needsReset)) return
  if (!affected.functions.every((each) => bus.core.devices.get(each)?.set === device.set)) return
  bus.resetBelow(affected)
  for (const member of members) member.needsReset = false
}
