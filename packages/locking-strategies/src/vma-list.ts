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
  type BoundedList,
  type GuardedDevice,
  type LockingStrategy,
  label,
  type MappingHandle,
  type Mutex,
  type Operation,
  type ProcessHandle,
  Refused,
  type RwSemaphore,
  release,
  run,
  runOptional,
  tryAcquire,
  type VfioErrno,
  zapMapping,
} from '@vfiokit/locking'

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
      if (!(yield* take(vmaLock, attempt))) return false
      yield* zapProcess(device, process, caller)
      yield* release(vmaLock)
    } finally {
      yield* release(process.mmapLock, 'read')
    }
  }
}

/** Unlists and empties every mapping of one process. vma_lock and its mmap_lock are held. */
function* zapProcess(device: Device, process: ProcessHandle, caller: string): Operation<void> {
  const { vmas } = device.state
  for (;;) {
    yield* label('zap-process', device.id, process.id, caller)
    const mapping = yield* vmas.first((listed) => listed.process === process, process.id)
    if (mapping === undefined) return
    yield* vmas.remove(mapping)
    yield* zapMapping(mapping)
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

  deviceState: (make, device) => ({
    memoryLock: make.rwsem(`memory_lock:${device.id}`),
    vmaLock: make.mutex(`vma_lock:${device.id}`),
    vmas: make.mappingList(`vma_list:${device.id}`, device),
  }),
  setState: (make, setId) => ({ reflck: make.mutex(`reflck:${setId}`) }),

  readSide: (device) => [{ lock: device.state.memoryLock, mode: 'read' }],

  *fault(device, mapping, body) {
    const { vmaLock, memoryLock, vmas } = device.state
    yield* acquire(vmaLock)
    yield* acquire(memoryLock, 'read')
    try {
      if (!(yield* run(body.admit))) return 'sigbus'
      // Somebody else faulted the same mapping meanwhile: all of it is there.
      if (yield* vmas.has(mapping)) return 'nopage'
      // Listed first, so that there is no moment in which it has pages and a zap would miss it (I4).
      yield* vmas.add(mapping)
      yield* run(body.act)
      return 'nopage'
    } finally {
      yield* release(memoryLock, 'read')
      yield* release(vmaLock)
    }
  },

  *exclude(device, effect, body) {
    const { memoryLock, vmaLock } = device.state
    if (effect === 'zap') yield* zapAndVmaLock(device, false, 'exclude')
    yield* acquire(memoryLock)
    // Only now: until memory_lock is held a fault could list the mapping again.
    if (effect === 'zap') yield* release(vmaLock)
    try {
      return yield* run(body)
    } finally {
      yield* release(memoryLock)
    }
  },

  *excludeSet(_set, members, body) {
    let emptied = 0
    let locked = 0
    let errno: VfioErrno | undefined
    try {
      for (; emptied < members.length; emptied++) {
        const { device, admit } = members[emptied]!
        errno = yield* run(admit)
        if (errno === undefined && !(yield* zapAndVmaLock(device, true, `member ${emptied}`))) errno = 'EBUSY'
        if (errno !== undefined) break
      }
      for (; locked < members.length && errno === undefined; locked++) {
        const { memoryLock, vmaLock } = members[locked]!.device.state
        if (!(yield* tryAcquire(memoryLock))) {
          errno = 'EBUSY'
          break
        }
        yield* release(vmaLock)
        yield* runOptional(members[locked]!.locked)
      }
      return errno === undefined ? yield* run(body) : new Refused(errno)
    } finally {
      // Each member holds the lock of the pass it got through: memory_lock, else vma_lock.
      for (let at = 0; at < emptied; at++) {
        const { device, releasing } = members[at]!
        if (at < locked) yield* runOptional(releasing)
        yield* at < locked ? release(device.state.memoryLock) : release(device.state.vmaLock)
      }
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
