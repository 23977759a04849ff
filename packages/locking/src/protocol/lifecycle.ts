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
 * Opens a device once more. The count is up before `enable` runs, as in the kernel.
 *
 * @param enable - Run for the first open only. If it fails, the count goes down again.
 * @param alone - Nobody else may have it open: EINVAL otherwise.
 * @returns the errno of `enable`.
 */
export function openDevice(
  strategy: AnyLockingStrategy,
  device: ProtocolDevice,
  enable: Body<VfioErrno | undefined>,
  alone = false,
): Operation<VfioErrno | undefined> {
  return strategy.lifecycle(device.set, function* () {
    const { openCount } = device.cells
    const before = yield* get(openCount)
    if (alone && before > 0) return 'EINVAL'
    let opened = false
    yield* set(openCount, before + 1)
    try {
      const errno = before === 0 ? yield* run(enable) : undefined
      opened = errno === undefined
      return errno
    } finally {
      if (!opened) yield* set(openCount, before)
    }
  })
}

/**
 * Closes a device once. The count goes down after `disable`, as in the kernel, and also if that throws.
 *
 * @param disable - Run for the last close only.
 * @throws TypeError when the device is not open.
 */
export function closeDevice(
  strategy: AnyLockingStrategy,
  device: ProtocolDevice,
  disable: Body<void>,
): Operation<void> {
  return strategy.lifecycle(device.set, function* () {
    const { openCount } = device.cells
    const before = yield* get(openCount)
    if (before === 0) throw new TypeError(`${device.id} is closed more often than it was opened`)
    try {
      if (before === 1) yield* run(disable)
    } finally {
      yield* set(openCount, before - 1)
    }
  })
}
