/** Reset of one function by sysfs: vfio is not asked, so nothing is zapped. */
import type { PciHardware } from '@vfiokit/hardware'
import { acquire, effect, type Operation, release, type VfioErrno } from '@vfiokit/locking'
import type { Bdf } from '@vfiokit/topology'
import { VfioError } from '@vfiokit/vfio-core'
import type { PciBus } from '../pci-bus.ts'
import { migrationReset, RESET_OUTCOMES, resetAndRestore } from './function-reset.ts'

/** @see PciBus.resetBySysfs */
export function* resetBySysfs(bus: PciBus, bdf: Bdf): Operation<void> {
  const hardware = bus.machine.hardware(bdf)
  if (hardware === undefined || !bus.hasFunctionReset(bdf))
    throw new VfioError('ENOENT', 'no-reset', `${bdf} has no function reset`)
  const lock = bus.locks.of(bdf)
  yield* acquire(lock)
  try {
    const errno = yield* effect('reset by sysfs', RESET_OUTCOMES, () => resetAwake(bus, hardware))
    const open = bus.driverAt(bdf)?.open
    if (open !== undefined) yield* migrationReset(open)
    if (errno !== undefined) throw new VfioError(errno, 'reset-failed', bdf)
  } finally {
    yield* release(lock)
  }
}

/** Whatever sleeps is woken for a reset, and goes back to sleep. */
function resetAwake(bus: PciBus, hardware: PciHardware): VfioErrno | undefined {
  const driver = bus.driverAt(hardware.bdf)
  driver?.open?.resetPrepare()
  driver?.awakeForReset()
  const errno = resetAndRestore(hardware)
  driver?.afterReset()
  driver?.open?.resetDone()
  return errno
}
