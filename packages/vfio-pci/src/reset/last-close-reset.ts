/**
 * The reset of a whole set when its last device is closed, for functions that cannot be reset alone.
 *
 * Kernel: `vfio_pci_dev_set_try_reset`. Failures are silent: nobody is there to be told.
 */

import { type Bdf, resetDomain } from '@vfiokit/topology'
import type { VfioDevice } from '@vfiokit/vfio-core'
import type { PciBus } from '../pci-bus.ts'
import { affectedFunctions } from './affected-functions.ts'

/** Runs with the set locked, after the device was disabled. */
export function lastCloseReset(bus: PciBus, device: VfioDevice): void {
  const bdf = device.id as Bdf
  if (resetDomain(bus.topology, bdf).hot === undefined) return
  const affected = affectedFunctions(bus.topology, bdf)
  const members = device.set.devices.flatMap((member) => bus.driverOf(member) ?? [])
  if (members.some((member) => member.open !== undefined)) return
  if (!members.some((member) => member.needsReset)) return
  if (!affected.functions.every((each) => bus.core.devices.get(each)?.set === device.set)) return
  bus.resetBelow(affected)
  for (const member of members) member.needsReset = false
}
