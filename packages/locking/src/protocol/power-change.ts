/**
 * Power change: a write of the power state of a function.
 *
 * D3hot takes the memory away, so it zaps; the other states only exclude readers. Kernel:
 * `vfio_pm_config_write`, `vfio_lock_and_set_power_state`.
 */
import { set } from '../cell.ts'
import { type Body, type Operation, run } from '../op.ts'
import type { AnyLockingStrategy } from '../strategy.ts'
import type { PowerState } from './device-cells.ts'
import { withExports } from './exported-memory.ts'
import type { ProtocolDevice } from './protocol-device.ts'

/**
 * Moves a function to a power state.
 *
 * @param apply - Writes the register and answers the state that was reached: a function may refuse.
 */
export function setPower(
  strategy: AnyLockingStrategy,
  device: ProtocolDevice,
  state: PowerState,
  apply: Body<PowerState>,
): Operation<PowerState> {
  const zaps = state === 'D3hot'
  return strategy.exclude(device, zaps ? 'zap' : 'lock-only', () =>
    withExports(device, zaps, function* () {
      const reached = yield* run(apply)
      yield* set(device.cells.power, reached)
      return reached
    }),
  )
}
