/**
 * vma-list: the protocol of Linux 5.8 to 5.14, with the duplicate-fault guard of the stable trees.
 *
 *   follows     vfio_pci.c of 5.10: vfio_pci_zap_and_vma_lock, vfio_pci_mmap_fault, hot reset ioctl
 *   lock order  mmap_lock > vma_lock > memory_lock; reflck around open and close only
 *   answers     H1, H2: a zap needs the mmap_lock of each process, so it drops vma_lock, takes
 *               mmap_lock and takes vma_lock again until the list is proved empty
 *               H4, H5: hot reset only tries, in two passes
 *               H8: a whole mapping is inserted once, by whoever finds it unlisted
 *   leaves      livelock while faults refill the list; EBUSY for any fault or munmap in flight;
 *               hot reset is not excluded against open, close or another hot reset: a device may be
 *               enabled in the middle of the reset of its slot
 *
 * H3, H6 and H7 are kept by the bodies; H9 does not arise.
 */
import {
  acquire,
  type Body,
  type LockingStrategy,
  type Mutex,
  type Operation,
  Refused,
  release,
  run,
  runOptional,
  type SetMember,
  tryAcquire,
  unwind,
  type VfioErrno,
  zapMapping,
} from '@vfiokit/locking'
import { prepareMembers, releaseMember } from './set-members.ts'
import { faultTracked, untrack, type VmaListDevice, vmaListState, zapAndVmaLock } from './tracked-vmas.ts'

/** What vma-list keeps per device set. */
export interface VmaListSet {
  /** Around open and close. Kernel: `struct vfio_pci_reflck`, later `vfio_device_set.lock`. */
  readonly mutex: Mutex
}

/**
 * Two passes over the members: first each list is emptied and its vma_lock kept, then each memory_lock
 * is tried and its vma_lock given back. Nothing waits (H4, H5).
 *
 * @param held - Gets what gives back the one lock that each member holds, in member order: its vma_lock
 *   after the first pass, its memory_lock after the second. Kernel: the two cursors of the unwind.
 * @returns the errno of the member that refused; EBUSY when one of its locks was not free.
 */
export function* tryLockInTwoPasses(
  members: readonly SetMember<VmaListDevice, unknown>[],
  held: Body<void>[],
): Operation<VfioErrno | undefined> {
  for (const { device, admit } of members) {
    const notOwned = yield* run(admit)
    if (notOwned !== undefined) return notOwned
    if (!(yield* zapAndVmaLock(device, true, `member ${held.length}`))) return 'EBUSY'
    held.push(() => release(device.state.vmaLock))
  }
  for (const [at, member] of members.entries()) {
    const { memoryLock, vmaLock } = member.device.state
    if (!(yield* tryAcquire(memoryLock))) return 'EBUSY'
    held[at] = () => releaseMember(member, memoryLock)
    yield* release(vmaLock)
    yield* runOptional(member.locked)
  }
  return undefined
}

/** A list of mapped vmas per device, and the loop that empties it. */
export const vmaList: LockingStrategy<VmaListDevice, VmaListSet> = {
  name: 'vma-list',
  addressSpaces: 'per-device',
  populate: 'mapping',

  deviceState: vmaListState,
  setState: (make, setId) => ({ mutex: make.mutex(`reflck:${setId}`) }),

  readSide: (device) => [{ lock: device.state.memoryLock, mode: 'read' }],

  fault: faultTracked,

  *exclude(device, effect, body) {
    const { memoryLock, vmaLock } = device.state
    if (effect === 'zap') yield* zapAndVmaLock(device, false, 'exclude')
    try {
      yield* acquire(memoryLock)
    } finally {
      // Only now: until memory_lock is held a fault could list the mapping again.
      if (effect === 'zap') yield* release(vmaLock)
    }
    try {
      return yield* run(body)
    } finally {
      yield* release(memoryLock)
    }
  },

  *excludeSet(_set, members, body) {
    const prepared: Body<void>[] = []
    const held: Body<void>[] = []
    try {
      const unready = yield* prepareMembers(members, prepared)
      if (unready !== undefined) return new Refused(unready)
      const refused = yield* tryLockInTwoPasses(members, held)
      if (refused !== undefined) return new Refused(refused)
      return yield* run(body)
    } finally {
      yield* unwind([...held, ...prepared.reverse()])
    }
  },

  *lifecycle(set, body) {
    yield* acquire(set.state.mutex)
    try {
      return yield* run(body)
    } finally {
      yield* release(set.state.mutex)
    }
  },

  /** A fork copies no page of a device: the new mapping starts empty and untracked. */
  *vmaOpened(_device, mapping) {
    yield* zapMapping(mapping)
  },

  vmaClosed: untrack,
  tracks: (device, mapping) => device.state.vmas.contains(mapping),
}
