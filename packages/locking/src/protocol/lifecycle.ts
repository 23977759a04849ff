/**
 * Lifecycle: the first open enables a device, the last close disables it, everything between counts.
 *
 * Kernel: `vfio_df_open`, `vfio_df_close` under the lock of the device set.
 */
import { get, set } from '../cell.ts'
import type { VfioErrno } from '../errno.ts'
import { type Body, type Operation, run } from '../op.ts'
import type { AnyLockingStrategy } from '../strategy.ts'
import type { ProtocolDevice } from './protocol-device.ts'

/**
 * Opens a device once more.
 *
 * @param enable - Run for the first open only. An errno restores the count.
 */
export function openDevice(
  strategy: AnyLockingStrategy,
  device: ProtocolDevice,
  enable: Body<VfioErrno | undefined>,
): Operation<VfioErrno | undefined> {
  return strategy.lifecycle(device.set, function* () {
    const { openCount } = device.cells
    const count = yield* get(openCount)
    const errno = count === 0 ? yield* run(enable) : undefined
    if (errno === undefined) yield* set(openCount, count + 1)
    return errno
  })
}

/**
 * Closes a device once.
 *
 * @param disable - Run for the last close only, after the count is zero.
 */
export function closeDevice(
  strategy: AnyLockingStrategy,
  device: ProtocolDevice,
  disable: Body<void>,
): Operation<void> {
  return strategy.lifecycle(device.set, function* () {
    const { openCount } = device.cells
    const count = yield* get(openCount)
    yield* set(openCount, count - 1)
    if (count === 1) yield* run(disable)
  })
}
