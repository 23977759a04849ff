/**
 * Reset of one function: by ioctl, by writing a reset bit, at open and at close.
 *
 * Kernel: `pci_try_reset_function`, `__pci_reset_function_locked`.
 */
import type { PciHardware } from '@vfiokit/hardware'
import { effect, type Operation, resetFunction, type VfioErrno } from '@vfiokit/locking'
import { VfioError } from '@vfiokit/vfio-core'
import type { OpenPciDevice } from '../open-pci-device.ts'
import { powerUp } from '../power/power-state.ts'
import type { DeviceLocks } from './device-locks.ts'
import { disableDecoding, SavedState } from './saved-state.ts'

/** How a function reset ends. */
export const RESET_OUTCOMES: readonly (VfioErrno | undefined)[] = [
  undefined,
  'ENOTTY',
  'EINVAL',
  'EIO',
  'ETIME',
]

/**
 * Tries the methods of a function in order. The first that works ends it, and so does a failure other
 * than ENOTTY: `pm` wants the function in D0. Kernel: `__pci_reset_function_locked`.
 */
function resetByMethods(hardware: PciHardware): VfioErrno | undefined {
  for (const method of hardware.resetMethods) {
    if (method === 'pm' && hardware.powerState !== 'D0') return 'EINVAL'
    const outcome = hardware.reset(method)
    if (outcome !== 'ENOTTY') return outcome === 'ok' ? undefined : outcome
  }
  return 'ENOTTY'
}

/**
 * The same with the function's state saved and put back around it.
 *
 * @returns ENOTTY when no method worked; the function is usable all the same.
 */
export function resetAndRestore(hardware: PciHardware): VfioErrno | undefined {
  if (hardware.resetMethods.length === 0) return 'ENOTTY'
  powerUp(hardware)
  const saved = new SavedState(hardware)
  disableDecoding(hardware)
  const errno = resetByMethods(hardware)
  saved.restore()
  return errno
}

/** {@link resetAndRestore}, or EAGAIN while somebody else has the function locked. */
export function tryResetFunction(
  hardware: PciHardware,
  locks: DeviceLocks,
): Operation<VfioErrno | undefined> {
  return tryLocked(hardware, locks, () => resetAndRestore(hardware))
}

/** {@link resetByMethods}, or EAGAIN. */
export function tryResetByMethods(
  hardware: PciHardware,
  locks: DeviceLocks,
): Operation<VfioErrno | undefined> {
  return tryLocked(hardware, locks, () => resetByMethods(hardware))
}

function* tryLocked(
  hardware: PciHardware,
  locks: DeviceLocks,
  reset: () => VfioErrno | undefined,
): Operation<VfioErrno | undefined> {
  if (hardware.resetMethods.length === 0) return 'ENOTTY'
  return yield* locks.tryWith(locks.forFunctionReset(hardware), () =>
    effect(`function reset of ${hardware.bdf}`, RESET_OUTCOMES, reset),
  )
}

/** VFIO_DEVICE_RESET. @throws VfioError EINVAL when no reset worked at open; EAGAIN, ENOTTY when none works now. */
export function* resetByIoctl(open: OpenPciDevice): Operation<void> {
  // Also when there is no reset: the registers are the driver's own.
  if (open.variant !== undefined)
    yield* effect('replaced BAR registers', [undefined], () => open.barRegisters.forgetReplaced())
  if (!open.resetWorks) throw new VfioError('EINVAL', 'no-reset', `${open.device.id} has no function reset`)
  const errno = yield* resetOpen(open)
  if (errno !== undefined) throw new VfioError(errno, 'reset-failed', open.device.id)
}

/** A reset ends migration: the state is RUNNING again. Waits for nobody. */
export function* migrationReset({ variant }: OpenPciDevice): Operation<void> {
  if (variant?.migration !== undefined) yield* variant.migration.resetDone()
}

/** An FLR bit was written: whatever method works is used, and failure is nobody's business. */
export function* resetByRegister(open: OpenPciDevice): Operation<void> {
  yield* resetOpen(open)
}

function resetOpen(open: OpenPciDevice): Operation<VfioErrno | undefined> {
  const { device, hardware, power, locks } = open
  return resetFunction(device.strategy, device, function* () {
    yield* effect(`power up ${device.id}`, [undefined], () => {
      open.resetPrepare()
      // Also when no method works: the protocol says D0 by now.
      power.beforeReset()
    })
    try {
      return yield* tryResetFunction(hardware, locks)
    } finally {
      yield* effect(`reset done on ${device.id}`, [undefined], () => open.resetDone())
      yield* migrationReset(open)
    }
  })
}
