/**
 * Low power: the user lets the device sleep until it is used again.
 *
 * Kernel: `vfio_pci_runtime_pm_entry`, `vfio_pci_runtime_pm_exit` (5.19).
 */
import { type Cell, get, set } from '../cell.ts'
import type { Operation } from '../op.ts'
import type { AnyLockingStrategy } from '../strategy.ts'
import { withExports } from './exported-memory.ts'
import type { ProtocolDevice } from './protocol-device.ts'

/**
 * Engages it; pages are zapped in any case.
 *
 * @returns false when it was engaged already.
 */
export function enterLowPower(
  strategy: AnyLockingStrategy,
  device: ProtocolDevice,
  lowPower: Cell<boolean>,
): Operation<boolean> {
  return strategy.exclude(device, 'zap', () =>
    withExports(device, true, function* () {
      if (yield* get(lowPower)) return false
      yield* set(lowPower, true)
      return true
    }),
  )
}

/** Ends it, whether or not it was engaged. */
export function leaveLowPower(
  strategy: AnyLockingStrategy,
  device: ProtocolDevice,
  lowPower: Cell<boolean>,
): Operation<void> {
  return strategy.exclude(device, 'lock-only', () => set(lowPower, false))
}
