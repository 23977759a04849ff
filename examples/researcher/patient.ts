/**
 * patient: hot reset waits for every memory lock, in the order of the devices' names, and never says EBUSY.
 *
 * An order that all keep cannot deadlock (H5). Single-device events are those of unmap-range.
 */
import { acquire, Refused, release, run, runOptional, type VfioErrno, zap } from '@vfiokit/locking'
import { unmapRange } from '@vfiokit/locking-strategies'

/** unmap-range with a hot reset that has patience. */
export const patient: typeof unmapRange = {
  ...unmapRange,
  name: 'patient',

  *excludeSet(set, members, body) {
    const inOrder = [...members].sort((a, b) => (a.device.id < b.device.id ? -1 : 1))
    let prepared = 0
    let locked = 0
    let errno: VfioErrno | undefined
    yield* acquire(set.state.mutex)
    try {
      for (; prepared < inOrder.length && errno === undefined; prepared++) {
        errno = yield* runOptional(inOrder[prepared]!.prepare)
        errno ??= yield* run(inOrder[prepared]!.admit)
      }
      if (errno !== undefined) return new Refused(errno)
      for (; locked < inOrder.length; locked++) {
        const { device, locked: whenLocked } = inOrder[locked]!
        yield* acquire(device.state.memoryLock)
        yield* runOptional(whenLocked)
        yield* zap(device.addressSpace, device.zapRanges)
      }
      return yield* run(body)
    } finally {
      while (locked-- > 0) {
        yield* runOptional(inOrder[locked]!.releasing)
        yield* release(inOrder[locked]!.device.state.memoryLock)
      }
      while (prepared-- > 0) yield* runOptional(inOrder[prepared]!.unprepare)
      yield* release(set.state.mutex)
    }
  },
}
