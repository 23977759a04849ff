/**
 * set-rwsem: one reader/writer lock for the whole set instead of one for each device.
 *
 *   follows     the list discussion of Aug 2021 around "[PATCH 0/7] vfio: device fd address space and
 *               vfio-pci mmap invalidation cleanup": a dev_set rwsem, "uncontended unless reset"; never
 *               merged, as it serialises devices that have nothing to do with each other
 *   lock order  set mutex > memory rwsem of the set > i_mmap (inside a zap)
 *               mmap_lock > memory rwsem of the set (read) on the fault path
 *   answers     H4, H5: there is only one lock to take, so nothing is tried and nothing is EBUSY
 *               H1, H2: a zap needs no mmap_lock; H8 as unmap-range does
 *   leaves      what one device does (memory off, D3hot, function reset) holds up the faults and
 *               accesses of all its siblings; H3 is worse: a user copy must be outside of the lock of
 *               every device of the set
 *
 * Open and close have a mutex of their own, outside: they last long, and readers need not wait for them.
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
  runOptional,
  unwind,
} from '@vfiokit/locking'
import { admitMembers, prepareMembers, zapDevice } from './set-members.ts'

/** What set-rwsem keeps per device set. */
export interface SetRwsemSet {
  readonly mutex: Mutex
  /** Readers may touch the memory of any member; a writer changes whether it may be touched. */
  readonly memoryLock: RwSemaphore
}

/** What set-rwsem keeps per device: nothing. */
export type SetRwsemDevice = Readonly<Record<string, never>>

/** One lock for the memory of all. */
export const setRwsem: LockingStrategy<SetRwsemDevice, SetRwsemSet> = {
  name: 'set-rwsem',
  addressSpaces: 'per-device',
  populate: 'page',

  deviceState: () => ({}),
  setState: (make, setId) => ({
    mutex: make.mutex(`dev_set:${setId}`),
    memoryLock: make.rwsem(`set_memory_lock:${setId}`),
  }),

  readSide: (device) => [{ lock: device.set.state.memoryLock, mode: 'read' }],

  *exclude(device, effect, body) {
    const { memoryLock } = device.set.state
    yield* acquire(memoryLock)
    try {
      if (effect === 'zap') yield* zapDevice(device)
      return yield* run(body)
    } finally {
      yield* release(memoryLock)
    }
  },

  *excludeSet(set, members, body) {
    const { mutex, memoryLock } = set.state
    const prepared: Body<void>[] = []
    const locked: Body<void>[] = []
    yield* acquire(mutex)
    try {
      const refused = (yield* prepareMembers(members, prepared)) ?? (yield* admitMembers(members))
      if (refused !== undefined) return new Refused(refused)
      yield* acquire(memoryLock)
      locked.push(() => release(memoryLock))
      for (const { device, locked: whenLocked, releasing } of members) {
        locked.push(() => runOptional(releasing))
        yield* runOptional(whenLocked)
        yield* zapDevice(device)
      }
      return yield* run(body)
    } finally {
      yield* unwind([...locked.reverse(), ...prepared.reverse(), () => release(mutex)])
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
