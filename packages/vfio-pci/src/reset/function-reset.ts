/**
 * Reset of one function: by ioctl, or by writing a reset bit. Kernel: `pci_try_reset_function`.
 */
import type { PciHardware } from '@vfiokit/hardware'
import { effect, type Operation, resetFunction, type VfioErrno } from '@vfiokit/locking'
import { VfioError } from '@vfiokit/vfio-core'
import type { OpenPciDevice } from '../open-pci-device.ts'
import { powerUp } from '../power/power-state.ts'
import { disableDecoding, SavedState } from './saved-state.ts'

const OUTCOMES: readonly (VfioErrno | undefined)[] = [undefined, 'ENOTTY']

/**
 * Tries the methods of a function in order, with its state saved and put back around them.
 *
 * @returns ENOTTY when no method worked; the function is usable all the same.
 */
export function resetByMethods(hardware: PciHardware): VfioErrno | undefined {
  if (hardware.resetMethods.length === 0) return 'ENOTTY'
  powerUp(hardware)
  const saved = new SavedState(hardware)
  disableDecoding(hardware)
  const worked = hardware.resetMethods.some((method) => hardware.reset(method) === 'ok')
  saved.restore()
  return worked ? undefined : 'ENOTTY'
}

/** VFIO_DEVICE_RESET. @throws VfioError EINVAL when no reset worked at open, ENOTTY when none works now. */
export function* resetByIoctl(open: OpenPciDevice): Operation<void> {
  if (!open.resetWorks) throw new VfioError('EINVAL', 'no-reset', `${open.device.id} has no function reset`)
  const errno = yield* resetOpen(open)
  if (errno !== undefined) throw new VfioError(errno, 'reset-failed', open.device.id)
}

/** An FLR bit was written: whatever method works is used, and failure is nobody's business. */
export function* resetByRegister(open: OpenPciDevice): Operation<void> {
  yield* resetOpen(open)
}

function resetOpen(open: OpenPciDevice): Operation<VfioErrno | undefined> {
  const { device, hardware, regions } = open
  return resetFunction(device.strategy, device, () =>
    effect(`function reset of ${device.id}`, OUTCOMES, () => {
      for (const region of regions) region.resetPrepare()
      // Also when no method works: the protocol says D0 by now.
      powerUp(hardware)
      try {
        return resetByMethods(hardware)
      } finally {
        for (const region of regions) region.resetDone()
      }
    }),
  )
}
