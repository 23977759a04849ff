/**
 * vma-list: the protocol of Linux 5.8 to 5.14, with the duplicate-fault guard of the stable trees.
 *
 *   follows     vfio_pci.c of 5.10: vfio_pci_zap_and_vma_lock, vfio_pci_mmap_fault, hot reset ioctl
 *   lock order  mmap_lock > vma_lock > memory_lock; reflck around open and close only
 *   answers     H1, H2: a zap needs the mmap_lock of each process, so it drops vma_lock, takes
 *               mmap_lock and takes vma_lock again until the list is proved empty
 *               H4, H5: hot reset only tries, in two passes
 *   leaves      livelock while faults refill the list; EBUSY for any fault or munmap in flight;
 *               hot reset is not excluded against open, close or another hot reset
 */
import {
  acquire,
  type Body,
  type BoundedList,
  DENIED,
  type GuardedDevice,
  guarded,
  type LockingStrategy,
  type LockUse,
  label,
  type MappingHandle,
  type Mutex,
  markFaultLocks,
  type Operation,
  type ProcessHandle,
  Refused,
  type RwSemaphore,
  release,
  run,
  runOptional,
  tryAcquire,
  unwind,
  zapMapping,
} from '@vfiokit/locking'
import { prepareMembers, releaseMember } from './set-members.ts'

/** What vma-list keeps per device. */
export interface VmaListDevice {
  readonly memoryLock: RwSemaphore
  /** Guards the list: while it is held, an empty list stays empty. */
  readonly vmaLock: Mutex
  /** The mappings that have pages. */
  readonly vmas: BoundedList<MappingHandle>
}

/** What vma-list keeps per device set. */
export interface VmaListSet {
  readonly reflck: Mutex
}

type Device = GuardedDevice<VmaListDevice, VmaListSet>

/**
 * Empties the list, process by process, and ends holding vma_lock.
 *
 * @param attempt - Only try each lock; false means one was contended and none is held.
 * @param caller - What the caller keeps live across the loop, for the label.
 */
function* zapAndVmaLock(device: Device, attempt: boolean, caller: string): Operation<boolean> {
  const { vmaLock, vmas } = device.state
  for (;;) {
    yield* label('zap-and-vma-lock', device.id, attempt, caller)
    if (!(yield* take(vmaLock, attempt))) return false
    const listed = yield* vmas.first()
    if (listed === undefined) return true
    const { process } = listed
    // mmap_lock is outside vma_lock on the fault path: let go before taking it (H2).
    yield* release(vmaLock)
    if (!(yield* take(process.mmapLock, attempt, 'read'))) return false
    try {
      if (!(yield* zapProcess(device, process, attempt, caller))) return false
    } finally {
      yield* release(process.mmapLock, 'read')
    }
  }
}

/** Empties and unlists every mapping of one process. Its mmap_lock is held; false as above. */
function* zapProcess(
  device: Device,
  process: ProcessHandle,
  attempt: boolean,
  caller: string,
): Operation<boolean> {
  const { vmaLock, vmas } = device.state
  if (!(yield* take(vmaLock, attempt))) return false
  try {
    for (;;) {
      yield* label('zap-process', device.id, process.id, attempt, caller)
      const mapping = yield* vmas.first((listed) => listed.process === process, process.id)
      if (mapping === undefined) return true
      // In this order there is no moment in which it has pages and is not listed (I4).
      yield* zapMapping(mapping)
      yield* vmas.remove(mapping)
    }
  } finally {
    yield* release(vmaLock)
  }
}

function* take(
  lock: Mutex | RwSemaphore,
  attempt: boolean,
  mode: 'read' | 'write' = 'write',
): Operation<boolean> {
  if (attempt) return yield* tryAcquire(lock, mode)
  yield* acquire(lock, mode)
  return true
}

/** A list of mapped vmas per device, and the loop that empties it. */
export const vmaList: LockingStrategy<VmaListDevice, VmaListSet> = {
  name: 'vma-list',
  addressSpaces: 'per-device',
  populate: 'mapping',

  deviceState(make, device) {
    const vmaLock = make.mutex(`vma_lock:${device.id}`)
    // The read side does not name it: an access takes memory_lock only, a fault takes both.
    markFaultLocks([{ lock: vmaLock, mode: 'write' }])
    return {
      memoryLock: make.rwsem(`memory_lock:${device.id}`),
      vmaLock,
      vmas: make.mappingList(`vma_list:${device.id}`, device),
    }
  },
  setState: (make, setId) => ({ reflck: make.mutex(`reflck:${setId}`) }),

  readSide: (device) => [{ lock: device.state.memoryLock, mode: 'read' }],

  *fault(device, mapping, body) {
    const { vmaLock, memoryLock, vmas } = device.state
    const uses: LockUse[] = [
      { lock: vmaLock, mode: 'write' },
      { lock: memoryLock, mode: 'read' },
    ]
    const outcome = yield* guarded(uses, {
      admit: body.admit,
      *act(): Operation<void> {
        // Somebody else faulted the same mapping meanwhile: all of it is there.
        if (body.whole === true && (yield* vmas.has(mapping))) return
        // Listed first, so that there is no moment in which it has pages and a zap would miss it (I4).
        yield* vmas.add(mapping)
        try {
          yield* run(body.act)
        } catch (error) {
          // Out of the list again, or the next fault would believe that all of it is there.
          yield* zapMapping(mapping)
          yield* vmas.remove(mapping)
          throw error
        }
      },
    })
    return outcome === DENIED ? 'sigbus' : 'nopage'
  },

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
    /** What gives back the lock that each member holds: vma_lock after the first pass, then memory_lock. */
    const held: Body<void>[] = []
    try {
      const unready = yield* prepareMembers(members, prepared)
      if (unready !== undefined) return new Refused(unready)
      for (const { device, admit } of members) {
        const notOwned = yield* run(admit)
        if (notOwned !== undefined) return new Refused(notOwned)
        if (!(yield* zapAndVmaLock(device, true, `member ${held.length}`))) return new Refused('EBUSY')
        held.push(() => release(device.state.vmaLock))
      }
      for (const [at, member] of members.entries()) {
        const { memoryLock, vmaLock } = member.device.state
        if (!(yield* tryAcquire(memoryLock))) return new Refused('EBUSY')
        held[at] = () => releaseMember(member, memoryLock)
        yield* release(vmaLock)
        yield* runOptional(member.locked)
      }
      return yield* run(body)
    } finally {
      yield* unwind([...held, ...prepared.reverse()])
    }
  },

  *lifecycle(set, body) {
    yield* acquire(set.state.reflck)
    try {
      return yield* run(body)
    } finally {
      yield* release(set.state.reflck)
    }
  },

  /** A fork copies no page of a device: the new mapping starts empty and untracked. */
  *vmaOpened(_device, mapping) {
    yield* zapMapping(mapping)
  },

  *vmaClosed(device, mapping) {
    const { vmaLock, vmas } = device.state
    yield* acquire(vmaLock)
    try {
      yield* vmas.remove(mapping)
    } finally {
      yield* release(vmaLock)
    }
  },

  tracks: (device, mapping) => device.state.vmas.contains(mapping),
}
