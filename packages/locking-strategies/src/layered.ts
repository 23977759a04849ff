/**
 * layered: both granularities in one address space. Ours.
 *
 *   follows     the question that the review of "[RFC PATCH 04/10] vfio/pci: Use
 *               vfio_device_unmap_mapping_range()" leaves open: is there a layering of inodes that
 *               allows a zap of one device and a zap of the slot? A mapping belongs to one tree only,
 *               so the layers are in the offset: [follows the BARs?][ordinal][index][offset]
 *   lock order  set mutex > every memory_lock (tried) > i_mmap, in one zap
 *               mmap_lock > memory_lock (read) on the fault path
 *   answers     H1, H2, H4, H5, H8 as unmap-range does, with one unmap for a device and one for a slot,
 *               and no over-zap: all zappable pages of a set are contiguous, nothing else between them
 *   leaves      a memory_lock per device still has to be tried, hence EBUSY as unmap-range; offsets
 *               inside the kernel are not those that users see
 *
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
import { hullOfRanges } from './zap-ranges.ts'

/** One address space for the set, with room for each device. */
export const layered: LockingStrategy<UnmapRangeDevice, UnmapRangeSet> = {
  ...unmapRange,
  name: 'layered',
  addressSpaces: 'per-set-with-ordinals',

  *exclude(device, effect, body) {
    const { memoryLock } = device.state
    yield* acquire(memoryLock)
    try {
      if (effect === 'zap') yield* zap(device.addressSpace, hullOfRanges(device.zapRanges))
      return yield* run(body)
    } finally {
      yield* release(memoryLock)
    }
  },

  *excludeSet(set, members, body) {
    const prepared: Body<void>[] = []
    const locked: Body<void>[] = []
    yield* acquire(set.state.mutex)
    try {
      const unready = yield* prepareMembers(members, prepared)
      if (unready !== undefined) return new Refused(unready)
      const refused = yield* tryLockMembers(members, locked)
      if (refused !== undefined) return new Refused(refused)
      const hull = hullOfRanges(members.flatMap(({ device }) => device.zapRanges))
      if (members[0] !== undefined) yield* zap(members[0].device.addressSpace, hull)
      return yield* run(body)
    } finally {
      yield* unwind([...locked.reverse(), ...prepared.reverse(), () => release(set.state.mutex)])
    }
  },
}
