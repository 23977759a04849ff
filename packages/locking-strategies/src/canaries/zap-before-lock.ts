/**
 * zap-before-lock: deliberately wrong. It zaps, then locks.
 *
 * Between the two a fault may insert a page again, which is then reachable while memory is off: a
 * use-after-zap. Whatever claims to check strategies must find it (I1).
 */
import { acquire, type LockingStrategy, release, run, zap } from '@vfiokit/locking'
import { type UnmapRangeDevice, type UnmapRangeSet, unmapRange } from '../unmap-range.ts'

/** unmap-range with the two steps of `exclude` in the wrong order. */
export const zapBeforeLock: LockingStrategy<UnmapRangeDevice, UnmapRangeSet> = {
  ...unmapRange,
  name: 'zap-before-lock',

  *exclude(device, effect, body) {
    const { memoryLock } = device.state
    if (effect === 'zap') yield* zap(device.addressSpace, device.zapRanges)
    yield* acquire(memoryLock)
    try {
      return yield* run(body)
    } finally {
      yield* release(memoryLock)
    }
  },
}
