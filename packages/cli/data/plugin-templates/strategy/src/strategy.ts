/**
 * plugin-name: one lock for the memory of each device, and hot resets that wait in an order that all keep.
 *
 *   lock order  mmap_lock > set lock > memory locks, by the ids of the devices
 *
 * To begin with: change what is under which lock, and let `npm test` and `npm start` say what that breaks.
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
  zap,
} from '@vfiokit/locking'

/** What it keeps for each device: readers are faults and accesses. */
interface DeviceLocks {
  readonly memory: RwSemaphore
}

/** What it keeps for the devices that one reset hits. */
interface SetLocks {
  readonly mutex: Mutex
}

export const pluginName: LockingStrategy<DeviceLocks, SetLocks> = {
  name: 'plugin-name',
  addressSpaces: 'per-device',
  populate: 'page',

  deviceState: (make, device) => ({ memory: make.rwsem(`memory_lock:${device.id}`) }),
  setState: (make, setId) => ({ mutex: make.mutex(`set_lock:${setId}`) }),
  readSide: (device) => [{ lock: device.state.memory, mode: 'read' }],

  *exclude(device, effect, body) {
    yield* acquire(device.state.memory)
    try {
      if (effect === 'zap') yield* zap(device.addressSpace, device.zapRanges)
      return yield* run(body)
    } finally {
      yield* release(device.state.memory)
    }
  },

  *excludeSet(set, members, body) {
    const inOrder = [...members].sort((a, b) => (a.device.id < b.device.id ? -1 : 1))
    const undo: Body<void>[] = [() => release(set.state.mutex)]
    yield* acquire(set.state.mutex)
    try {
      for (const { prepare, unprepare, admit } of inOrder) {
        const unready = yield* runOptional(prepare)
        if (unready !== undefined) return new Refused(unready)
        if (unprepare !== undefined) undo.push(unprepare)
        const notOwned = yield* run(admit)
        if (notOwned !== undefined) return new Refused(notOwned)
      }
      for (const { device, locked, releasing } of inOrder) {
        yield* acquire(device.state.memory)
        undo.push(() => release(device.state.memory))
        if (releasing !== undefined) undo.push(releasing)
        yield* runOptional(locked)
        yield* zap(device.addressSpace, device.zapRanges)
      }
      return yield* run(body)
    } finally {
      yield* unwind(undo.reverse())
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
