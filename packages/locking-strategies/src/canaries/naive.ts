/**
 * naive: deliberately wrong. It empties the mappings under mmap_lock while it holds memory_lock.
 *
 * A fault comes from the other side: it holds mmap_lock and waits for memory_lock (H1, H2), so the two
 * wait for each other for ever. Whatever claims to find deadlocks must find it.
 */
import {
  acquire,
  type BoundedList,
  DENIED,
  type GuardedDevice,
  guarded,
  type LockingStrategy,
  label,
  type MappingHandle,
  type Operation,
  release,
  run,
  zapMapping,
} from '@vfiokit/locking'
import { type UnmapRangeDevice, type UnmapRangeSet, unmapRange } from '../unmap-range.ts'

/** What naive keeps per device. */
export interface NaiveDevice extends UnmapRangeDevice {
  readonly vmas: BoundedList<MappingHandle>
}

function* zapUnderMmapLock(device: GuardedDevice<NaiveDevice, UnmapRangeSet>): Operation<void> {
  const { vmas } = device.state
  for (;;) {
    yield* label('zap-under-mmap-lock', device.id)
    const mapping = yield* vmas.first()
    if (mapping === undefined) return
    yield* acquire(mapping.process.mmapLock)
    yield* vmas.remove(mapping)
    yield* zapMapping(mapping)
    yield* release(mapping.process.mmapLock)
  }
}

/** A list of mappings, emptied with the locks in the wrong order. */
export const naive: LockingStrategy<NaiveDevice, UnmapRangeSet> = {
  ...unmapRange,
  name: 'naive',

  deviceState: (make, device) => ({
    memoryLock: make.rwsem(`memory_lock:${device.id}`),
    vmas: make.mappingList(`vma_list:${device.id}`, device),
  }),

  *fault(device, mapping, body) {
    const tracked = {
      admit: body.admit,
      *act(): Operation<void> {
        yield* device.state.vmas.add(mapping)
        yield* run(body.act)
      },
    }
    return (yield* guarded(naive.readSide(device), tracked)) === DENIED ? 'sigbus' : 'nopage'
  },

  *exclude(device, effect, body) {
    const { memoryLock } = device.state
    yield* acquire(memoryLock)
    try {
      if (effect === 'zap') yield* zapUnderMmapLock(device)
      return yield* run(body)
    } finally {
      yield* release(memoryLock)
    }
  },
}
