/**
 * Memory enable: a write to the command register that changes whether memory may be touched.
 *
 * Off empties every mapping first; on leaves them empty until they are touched. Kernel:
 * `vfio_basic_config_write`.
 */
import { set } from '../cell.ts'
import type { VfioErrno } from '../errno.ts'
import { type Body, type Operation, run } from '../op.ts'
import type { AnyLockingStrategy } from '../strategy.ts'
import { withExports } from './exported-memory.ts'
import type { ProtocolDevice } from './protocol-device.ts'

/**
 * Writes the command register with the readers of the device excluded.
 *
 * The zap happens for every write that leaves memory off, also when it was off before.
 *
 * @param write - The write itself. An errno leaves the virtual bit as it was.
 */
export function setMemoryEnabled(
  strategy: AnyLockingStrategy,
  device: ProtocolDevice,
  enabled: boolean,
  write: Body<VfioErrno | undefined>,
): Operation<VfioErrno | undefined> {
  return strategy.exclude(device, enabled ? 'lock-only' : 'zap', () =>
    withExports(device, !enabled, () => setMemoryEnabledBody(device, enabled, write)),
  )
}

function* setMemoryEnabledBody(
  device: ProtocolDevice,
  enabled: boolean,
  write: Body<VfioErrno | undefined>,
): Operation<VfioErrno | undefined> {
  const errno = yield* run(write)
  if (errno === undefined) yield* set(device.cells.memoryEnabled, enabled)
  return errno
}
