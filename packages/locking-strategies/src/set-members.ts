/** What every hot reset does around the locks of its members. */
import {
  type Body,
  type Lock,
  type Operation,
  type RwSemaphore,
  release,
  run,
  runOptional,
  type SetMember,
  tryAcquire,
  type VfioErrno,
  zap,
} from '@vfiokit/locking'

/**
 * Prepares member after member and stops at the first that refuses.
 *
 * @param undo - Gets what undoes each member that was prepared, in member order.
 * @returns the errno of the one that refused.
 */
export function* prepareMembers(
  members: readonly Pick<SetMember<unknown, unknown>, 'prepare' | 'unprepare'>[],
  undo: Body<void>[],
): Operation<VfioErrno | undefined> {
  for (const { prepare, unprepare } of members) {
    const errno = yield* runOptional(prepare)
    if (errno !== undefined) return errno
    if (unprepare !== undefined) undo.push(unprepare)
  }
  return undefined
}

/**
 * Admits, tries the memory lock of, and zaps member after member, and stops at the first that refuses.
 *
 * @param undo - Gets what gives back each lock that was taken, in member order.
 * @returns the errno of the one that refused; EBUSY when its lock was not free.
 */
export function* tryLockMembers(
  members: readonly SetMember<{ readonly memoryLock: RwSemaphore }, unknown>[],
  undo: Body<void>[],
): Operation<VfioErrno | undefined> {
  for (const member of members) {
    const { addressSpace, state, zapRanges } = member.device
    const notOwned = yield* run(member.admit)
    if (notOwned !== undefined) return notOwned
    if (!(yield* tryAcquire(state.memoryLock))) return 'EBUSY'
    undo.push(() => releaseMember(member, state.memoryLock))
    yield* runOptional(member.locked)
    yield* zap(addressSpace, zapRanges)
  }
  return undefined
}

/** Gives back the memory lock of a member, whatever its own hook does. */
export function* releaseMember(
  member: Pick<SetMember<unknown, unknown>, 'releasing'>,
  memoryLock: Lock,
): Operation<void> {
  try {
    yield* runOptional(member.releasing)
  } finally {
    yield* release(memoryLock)
  }
}
