/**
 * Function reset: one function loses its state, and nobody may touch its memory meanwhile.
 *
 * Kernel: `vfio_pci_ioctl_reset`, and the FLR bits of `vfio_exp_config_write`, `vfio_af_config_write`.
 */
import { set } from '../cell.ts'
import type { VfioErrno } from '../errno.ts'
import { type Body, type Operation, run } from '../op.ts'
import type { AnyLockingStrategy } from '../strategy.ts'
import { withExports } from './exported-memory.ts'
import type { ProtocolDevice } from './protocol-device.ts'

/**
 * Zaps, then resets with every reader excluded.
 *
 * @param reset - Powers the function up and resets it. A failure leaves it usable; what was mapped
 *   is gone all the same and comes back by faults.
 */
export function resetFunction(
  strategy: AnyLockingStrategy,
  device: ProtocolDevice,
  reset: Body<VfioErrno | undefined>,
): Operation<VfioErrno | undefined> {
  return strategy.exclude(device, 'zap', () =>
    withExports(device, true, function* () {
      const { inReset, power } = device.cells
      yield* set(inReset, true)
      try {
        yield* set(power, 'D0')
        return yield* run(reset)
      } finally {
        yield* set(inReset, false)
      }
    }),
  )
}
