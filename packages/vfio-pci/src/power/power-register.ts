/** A user wrote the power state of a function. Kernel: `vfio_pm_config_write`. */
import { effect, type Operation, POWER_STATES, type PowerState, setPower } from '@vfiokit/locking'
import type { OpenPciDevice } from '../open-pci-device.ts'

/** Changes the state; that it could not be reached is nobody's business: the write succeeds all the same. */
export function* changePowerByRegister(open: OpenPciDevice, wanted: PowerState): Operation<void> {
  const { device, power, profile } = open
  const apply = () => effect<PowerState>(`power to ${wanted}`, POWER_STATES, () => power.change(wanted))
  if (profile.powerWriteExcludes) yield* setPower(device.strategy, device, wanted, apply)
  // No lock and no zap: pages stay, and whoever touches them reads what a sleeping function answers. The
  // power cell says what gates memory, which power does not do there.
  else yield* apply()
}
