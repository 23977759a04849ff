/**
 * ordered: every lock of the slot is waited for, in one order that all agree on.
 *
 *   follows     the textbook answer to "Locking multiple devices is prone to deadlock" (comment in the
 *               hot reset of vfio_pci.c): a global order. No kernel had it
 *   lock order  set mutex > memory_locks by device address, lowest first > i_mmap (inside a zap)
 *               mmap_lock > memory_lock (read) on the fault path
 *   answers     H5 by order instead of tries: no EBUSY, no retry
 *               H1, H2, H4: a zap needs no mmap_lock, so nothing inside a memory_lock waits for one
 *               H8 as unmap-range does
 *   leaves      a hot reset waits as long as its slowest reader, and holds up the readers of members
 *               that it has already; a path that took two memory_locks in another order would deadlock
 *
 * Members are all admitted before the first lock: nobody waits for a reset that is refused anyway.
 * H3, H6 and H7 are kept by the bodies; H9 does not arise.
 */
import {
  acquire,
  type Body,
  type LockingStrategy,
  Refused,
  release,
  run,
  runOptional,
  unwind,
} from '@vfiokit/locking'
import { admitMembers, prepareMembers, releaseMember, zapDevice } from './set-members.ts'
import { type UnmapRangeDevice, type UnmapRangeSet, unmapRange } from './unmap-range.ts'

/** Blocking, lowest address first, never EBUSY. */
export const ordered: LockingStrategy<UnmapRangeDevice, UnmapRangeSet> = {
  ...unmapRange,
  name: 'ordered',

  *excludeSet(set, members, body) {
    const prepared: Body<void>[] = []
    const locked: Body<void>[] = []
    yield* acquire(set.state.mutex)
    try {
      const refused = (yield* prepareMembers(members, prepared)) ?? (yield* admitMembers(members))
      if (refused !== undefined) return new Refused(refused)
      for (const member of [...members].sort(byAddress)) {
        const { memoryLock } = member.device.state
        yield* acquire(memoryLock)
        locked.push(() => releaseMember(member, memoryLock))
        yield* runOptional(member.locked)
        yield* zapDevice(member.device)
      }
      return yield* run(body)
    } finally {
      yield* unwind([...locked.reverse(), ...prepared.reverse(), () => release(set.state.mutex)])
    }
  },
}

type Addressed = { readonly device: { readonly id: string } }

/** Any total order would do, as long as it does not depend on who asks. */
function byAddress({ device: one }: Addressed, { device: other }: Addressed): number {
  if (one.id.length !== other.id.length) return one.id.length - other.id.length
  return one.id < other.id ? -1 : 1
}
