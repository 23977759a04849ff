/**
 * vma-list-device-set: the protocol of Linux 5.15 to 6.9.
 *
 *   follows     vfio_pci_core.c of 6.1: vfio_pci_zap_and_vma_lock, vfio_pci_mmap_fault,
 *               vfio_pci_dev_set_hot_reset
 *   lock order  set mutex > { vma_lock, mmap_lock, memory_lock }, all three tried in a hot reset
 *               mmap_lock > vma_lock > memory_lock everywhere else
 *   answers     what vma-list answers (H1, H2, H4, H5, H8), and hot reset against open, last close and
 *               another hot reset: it holds the set mutex for its whole duration
 *   leaves      livelock while faults refill the list; EBUSY for any fault, munmap or access in flight
 *               on any member; a zap still visits every process
 *
 * H3, H6 and H7 are kept by the bodies; H9 does not arise.
 */
import { acquire, type Body, type LockingStrategy, Refused, release, run, unwind } from '@vfiokit/locking'
import { prepareMembers } from './set-members.ts'
import type { VmaListDevice } from './tracked-vmas.ts'
import { tryLockInTwoPasses, type VmaListSet, vmaList } from './vma-list.ts'

/** As vma-list, with the mutex of the device set around hot resets too. */
export const vmaListDeviceSet: LockingStrategy<VmaListDevice, VmaListSet> = {
  ...vmaList,
  name: 'vma-list-device-set',

  setState: (make, setId) => ({ mutex: make.mutex(`dev_set:${setId}`) }),

  *excludeSet(set, members, body) {
    const prepared: Body<void>[] = []
    const held: Body<void>[] = []
    yield* acquire(set.state.mutex)
    try {
      const unready = yield* prepareMembers(members, prepared)
      if (unready !== undefined) return new Refused(unready)
      const refused = yield* tryLockInTwoPasses(members, held)
      if (refused !== undefined) return new Refused(refused)
      return yield* run(body)
    } finally {
      yield* unwind([...held, ...prepared.reverse(), () => release(set.state.mutex)])
    }
  },
}
