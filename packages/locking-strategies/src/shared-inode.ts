/**
 * shared-inode: the counter-proposal of the review, one address space for all devices of a slot.
 *
 *   follows     "Re: [RFC PATCH 04/10] vfio/pci: Use vfio_device_unmap_mapping_range()" of Feb 2021: the
 *               inode hangs on reflck, offsets of different devices overlap, one unmap empties the slot
 *   lock order  set mutex > every memory_lock (tried) > i_mmap, in one zap
 *               mmap_lock > memory_lock (read) on the fault path
 *   answers     H1, H2, H4, H5 as unmap-range does. All locks come before the one zap: a fault between a
 *               zap and a later lock would insert again (I1)
 *   leaves      over-zap: whatever turns one device off empties its siblings at the same offsets too,
 *               which then fault again (harmless, I8); EBUSY as unmap-range; H8: a fault brings in the
 *               whole mapping and relies on an insert that tolerates what is there
 *
 * The mail says nothing of a lock of the set. Here hot reset holds the one that guards open and close,
 * as it must keep the inode that hangs on it. The proposal was withdrawn a day later for its over-zap.
 * H3, H6 and H7 are kept by the bodies; H9 does not arise.
 */
import {
  acquire,
  type Body,
  type LockingStrategy,
  Refused,
  release,
  run,
  unwind,
  zap,
} from '@vfiokit/locking'
import { prepareMembers, tryLockMembers } from './set-members.ts'
import { type UnmapRangeDevice, type UnmapRangeSet, unmapRange } from './unmap-range.ts'
import { unionOfRanges } from './zap-ranges.ts'

/** Every lock of the slot, then one zap for all of it. */
export const sharedInode: LockingStrategy<UnmapRangeDevice, UnmapRangeSet> = {
  ...unmapRange,
  name: 'shared-inode',
  addressSpaces: 'per-set',
  populate: 'mapping',

  setState: (make, setId) => ({ mutex: make.mutex(`reflck:${setId}`) }),

  *excludeSet(set, members, body) {
    const prepared: Body<void>[] = []
    const locked: Body<void>[] = []
    yield* acquire(set.state.mutex)
    try {
      const unready = yield* prepareMembers(members, prepared)
      if (unready !== undefined) return new Refused(unready)
      const refused = yield* tryLockMembers(members, locked)
      if (refused !== undefined) return new Refused(refused)
      const ranges = unionOfRanges(members.flatMap(({ device }) => device.zapRanges))
      if (members[0] !== undefined) yield* zap(members[0].device.addressSpace, ranges)
      return yield* run(body)
    } finally {
      yield* unwind([...locked.reverse(), ...prepared.reverse(), () => release(set.state.mutex)])
    }
  },
}
