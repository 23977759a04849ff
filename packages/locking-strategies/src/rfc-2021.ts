/**
 * rfc-2021: the protocol of the mail of Feb 2021, as corrected on the list.
 *
 *   follows     "[RFC PATCH 04/10] vfio/pci: Use vfio_device_unmap_mapping_range()" and its review:
 *               the mapping keeps its encoded offset, and a page that is there already is no error
 *   lock order  mmap_lock > memory_lock (read) > i_mmap; reflck around open and close only
 *   answers     H1, H2, H4, H5 as unmap-range does; H8 by an insert that tolerates what is there
 *   leaves      hot reset takes no lock of the set: it is not excluded against open, close or another
 *               hot reset, which may answer EBUSY to both
 *
 * One device alone is excluded as in unmap-range, which merged this idea three years later. A fault
 * brings in the whole mapping, as the kernels of that time did. H3, H6 and H7 are kept by the bodies;
 * H9 does not arise.
 */
import { type Body, type LockingStrategy, Refused, run, unwind } from '@vfiokit/locking'
import { prepareMembers, tryLockMembers, zapDevice } from './set-members.ts'
import { type UnmapRangeDevice, type UnmapRangeSet, unmapRange } from './unmap-range.ts'

/** One address space per device, every memory lock of the slot tried in turn. */
export const rfc2021: LockingStrategy<UnmapRangeDevice, UnmapRangeSet> = {
  ...unmapRange,
  name: 'rfc-2021',
  populate: 'mapping',

  /** Serialises open and close only. Kernel: `struct vfio_pci_reflck`. */
  setState: (make, setId) => ({ mutex: make.mutex(`reflck:${setId}`) }),

  *excludeSet(_set, members, body) {
    const prepared: Body<void>[] = []
    const locked: Body<void>[] = []
    try {
      const unready = yield* prepareMembers(members, prepared)
      if (unready !== undefined) return new Refused(unready)
      const refused = yield* tryLockMembers(members, locked, zapDevice)
      if (refused !== undefined) return new Refused(refused)
      return yield* run(body)
    } finally {
      yield* unwind([...locked, ...prepared.reverse()])
    }
  },
}
