/**
 * A list of the mappings that have pages, and the loop that empties it: what Linux 5.8 to 6.9 had instead
 * of an address space per device.
 *
 * The list can be proved empty only while vma_lock is held, and a zap needs the mmap_lock of each
 * process, which is outside vma_lock on the fault path (H1, H2). So the loop drops vma_lock, takes
 * mmap_lock, takes vma_lock again, and looks once more from the beginning.
 *
 * Kernel: `vdev->vma_list`, `vfio_pci_zap_and_vma_lock`, `vfio_pci_mmap_fault`.
 */
import {
  acquire,
  type BoundedList,
  DENIED,
  type DeviceHandle,
  type FaultBody,
  type FaultOutcome,
  type GuardedDevice,
  guarded,
  type LockUse,
  label,
  type MappingHandle,
  type Mutex,
  markFaultLocks,
  type Operation,
  type ProcessHandle,
  type RwSemaphore,
  release,
  run,
  type StateFactory,
  tryAcquire,
  zapMapping,
} from '@vfiokit/locking'

/** What a strategy with a list of mappings keeps per device. */
export interface VmaListDevice {
  readonly memoryLock: RwSemaphore
  /** Guards the list: while it is held, an empty list stays empty. */
  readonly vmaLock: Mutex
  /** The mappings that have pages. */
  readonly vmas: BoundedList<MappingHandle>
}

type TrackedDevice = GuardedDevice<VmaListDevice, unknown>

/** The two locks and the list of one device. */
export function vmaListState(make: StateFactory, device: DeviceHandle): VmaListDevice {
  const vmaLock = make.mutex(`vma_lock:${device.id}`)
  // The read side does not name it: an access takes memory_lock only, a fault takes both.
  markFaultLocks([{ lock: vmaLock, mode: 'write' }])
  return {
    memoryLock: make.rwsem(`memory_lock:${device.id}`),
    vmaLock,
    vmas: make.mappingList(`vma_list:${device.id}`, device),
  }
}

/**
 * Empties the list, process by process, and ends holding vma_lock.
 *
 * @param attempt - Only try each lock; false means one was contended and none is held.
 * @param caller - What the caller keeps live across the loop, for the label.
 */
export function* zapAndVmaLock(device: TrackedDevice, attempt: boolean, caller: string): Operation<boolean> {
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
  device: TrackedDevice,
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

/** Serves a fault under both locks; the second for one mapping finds it listed and inserts nothing. */
export function* faultTracked(
  device: TrackedDevice,
  mapping: MappingHandle,
  body: FaultBody,
): Operation<FaultOutcome> {
  const { vmaLock, memoryLock } = device.state
  const uses: LockUse[] = [
    { lock: vmaLock, mode: 'write' },
    { lock: memoryLock, mode: 'read' },
  ]
  const outcome = yield* guarded(uses, {
    admit: body.admit,
    act: () => listed(device, mapping, body),
  })
  return outcome === DENIED ? 'sigbus' : 'nopage'
}

/** Inserts pages of a mapping that is listed, or is from here on. */
function* listed(
  { state: { vmas } }: TrackedDevice,
  mapping: MappingHandle,
  body: FaultBody,
): Operation<void> {
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
}

/** Takes a mapping off the list, listed or not. Kernel: `vfio_pci_mmap_close`. */
export function* untrack(device: TrackedDevice, mapping: MappingHandle): Operation<void> {
  const { vmaLock, vmas } = device.state
  yield* acquire(vmaLock)
  try {
    yield* vmas.remove(mapping)
  } finally {
    yield* release(vmaLock)
  }
}
