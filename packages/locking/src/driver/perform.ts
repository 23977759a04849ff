/** Performs one op for a task whose locks are watched. Shared by the recording and controlled drivers. */
import type { LockOp } from '../lock.ts'
import type { Op, OpResult } from '../op.ts'
import { isLockOp } from '../op-kinds.ts'
import type { HeldLocks } from './held-locks.ts'
import { ProtocolError } from './protocol-error.ts'

/**
 * Does the step and keeps `held` true.
 *
 * @throws ProtocolError for a release of a lock that the task does not hold, a user copy under a lock
 *   that a page fault takes (hazard H3), or an effect that answers with a promise.
 */
export function performWatched(op: Op<unknown>, held: HeldLocks): OpResult {
  if (isLockOp(op)) return performLock(op, held)
  if (op.kind === 'access') refuseUnderFaultLock(op, held)
  const result = op.perform()
  if (result instanceof Promise)
    throw new ProtocolError(
      'async',
      `${op.object} answered with a promise; simulated time cannot wait for it`,
    )
  return result
}

function performLock(op: LockOp<unknown>, held: HeldLocks): OpResult {
  if (op.kind === 'release' && !held.remove(op.lock, op.mode))
    throw new ProtocolError('released-not-held', `release of ${op.object}, which this task does not hold`)
  const result = op.perform()
  if (op.kind === 'acquire' || (op.kind === 'try-acquire' && result === true)) held.add(op.lock, op.mode)
  return result
}

function refuseUnderFaultLock(op: Op<unknown>, held: HeldLocks): void {
  for (const { lock } of held)
    if (lock.takenByFault)
      throw new ProtocolError(
        'user-copy-under-lock',
        `${op.object} is touched while holding ${lock.name}, which its fault would take again (H3)`,
      )
}
