/** What every hot reset does around the locks of its members. */
import {
  type Body,
  type DeviceHandle,
  type Lock,
  type Op,
  type Operation,
  type RwSemaphore,
  release,
  run,
  runOptional,
  type SetMember,
  type Step,
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

/** A member whose device has a lock of its own. */
type LockedMember = SetMember<{ readonly memoryLock: RwSemaphore }, unknown>

/**
 * Admits and tries the memory lock of member after member, and stops at the first that refuses.
 *
 * @param undo - Gets what gives back each lock that was taken, in member order.
 * @param then - What follows for a member as soon as its lock is held, such as its zap.
 * @returns the errno of the one that refused; EBUSY when its lock was not free.
 */
export function* tryLockMembers(
  members: readonly LockedMember[],
  undo: Body<void>[],
  then?: (device: DeviceHandle) => Step<void>,
): Operation<VfioErrno | undefined> {
  for (const member of members) {
    const { memoryLock } = member.device.state
    const notOwned = yield* run(member.admit)
    if (notOwned !== undefined) return notOwned
    if (!(yield* tryAcquire(memoryLock))) return 'EBUSY'
    undo.push(() => releaseMember(member, memoryLock))
    yield* runOptional(member.locked)
    if (then !== undefined) yield* then(member.device)
  }
  return undefined
}

/** Asks every member whether it may be reset at all, before any is locked; the errno of the first no. */
export function* admitMembers(
  members: readonly Pick<SetMember<unknown, unknown>, 'admit'>[],
): Operation<VfioErrno | undefined> {
  for (const { admit } of members) {
    const errno = yield* run(admit)
    if (errno !== undefined) return errno
  }
  return undefined
}

/** Empties the mappings of one device in its address space. */
export function zapDevice({ addressSpace, zapRanges }: DeviceHandle): Op<void> {
  return zap(addressSpace, zapRanges)
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
