/**
 * unmap-range: the protocol of Linux 6.10 and later, and the default here.
 *
 *   follows     vfio_pci_core.c: vfio_pci_zap_and_down_write_memory_lock, vfio_pci_dev_set_hot_reset
 *   lock order  set mutex > memory_lock (tried when more than one) > i_mmap (inside a zap)
 *               mmap_lock > memory_lock (read) on the fault path
 *   answers     H1, H2: a zap needs no mmap_lock, so memory_lock may stand outside it
 *               H4, H5: several memory locks are only tried, and released in reverse
 *               H8: a fault brings in one page, and one that is there already is no error
 *   leaves      a spurious EBUSY whenever any member has a reader in flight or a writer queued
 *
 * H3, H6 and H7 are kept by the bodies; H9 does not arise.
 */
import {
  acquire,
  type Body,
  type LockingStrategy,
  type Mutex,
  Refused,
  type RwSemaphore,
  release,
  run,
  unwind,
} from '@vfiokit/locking'
import { prepareMembers, tryLockMembers, zapDevice } from './set-members.ts'

/** What unmap-range keeps per device. */
export interface UnmapRangeDevice {
  /** Readers may touch memory; a writer changes whether it may be touched. */
  readonly memoryLock: RwSemaphore
}

/** What unmap-range keeps per device set. */
export interface UnmapRangeSet {
  readonly mutex: Mutex
}

/** Write-lock, then zap: what a fault inserted before the lock is removed, what comes later tests. */
export const unmapRange: LockingStrategy<UnmapRangeDevice, UnmapRangeSet> = {
  name: 'unmap-range',
  addressSpaces: 'per-device',
  populate: 'page',

  deviceState: (make, device) => ({ memoryLock: make.rwsem(`memory_lock:${device.id}`) }),
  setState: (make, setId) => ({ mutex: make.mutex(`dev_set:${setId}`) }),

  readSide: (device) => [{ lock: device.state.memoryLock, mode: 'read' }],

  *exclude(device, effect, body) {
    const { memoryLock } = device.state
    yield* acquire(memoryLock)
    try {
      if (effect === 'zap') yield* zapDevice(device)
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
      const refused = yield* tryLockMembers(members, locked, zapDevice)
      if (refused !== undefined) return new Refused(refused)
      return yield* run(body)
    } finally {
      yield* unwind([...locked.reverse(), ...prepared.reverse(), () => release(set.state.mutex)])
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
}
