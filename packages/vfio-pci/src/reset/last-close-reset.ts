/**
 * The reset of a whole set when its last device is closed, for functions that cannot be reset alone.
 *
 * Kernel: `vfio_pci_dev_set_try_reset`. Failures are silent: nobody is there to be told.
 */
import { effect, type Operation } from '@vfiokit/locking'
import type { VfioDevice } from '@vfiokit/vfio-core'
import type { PciBus } from '../pci-bus.ts'
import type { VfioPciDevice } from '../vfio-pci-device.ts'
import type { AffectedFunctions } from './affected-functions.ts'

/** Runs with the set locked, after the device was disabled. */
export function* lastCloseReset(bus: PciBus, device: VfioDevice): Operation<void> {
  const affected = yield* effect('last close reset needed', NOTHING, () => whatToReset(bus, device))
  if (affected === undefined) return
  yield* bus.locks.tryWith(bus.locks.forBusReset(affected), () =>
    effect(`last close of ${device.set.id}`, [undefined], () => {
      bus.resetBelow(affected)
      for (const member of membersOf(bus, device)) member.needsReset = false
    }),
  )
}

const NOTHING: readonly (AffectedFunctions | undefined)[] = [undefined]

/** Nobody has a member open, one needs it, and all that is hit is in the set. */
function whatToReset(bus: PciBus, device: VfioDevice): AffectedFunctions | undefined {
  const affected = bus.reachOf(device)
  const members = membersOf(bus, device)
  if (members.some((member) => member.open !== undefined)) return undefined
  if (!members.some((member) => member.needsReset)) return undefined
  return affected?.functions.every((each) => bus.core.devices.get(each)?.set === device.set)
    ? affected
    : undefined
}

function membersOf(bus: PciBus, device: VfioDevice): VfioPciDevice[] {
  return device.set.devices.flatMap((member) => bus.driverOf(member) ?? [])
}
