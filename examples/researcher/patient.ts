/**
 * patient: hot reset waits for every memory lock, in the order of the devices' names, and never says EBUSY.
 *
 * An order that all keep cannot deadlock (H5). Single-device events are those of unmap-range.
 */
import { acquire, type Body, Refused, release, run, runOptional, unwind, zap } from '@vfiokit/locking'
import { unmapRange } from '@vfiokit/locking-strategies'

/** unmap-range with a hot reset that has patience. */
export const patient: typeof unmapRange = {
  ...unmapRange,
  name: 'patient',

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
        yield* acquire(device.state.memoryLock)
        undo.push(() => release(device.state.memoryLock))
        if (releasing !== undefined) undo.push(releasing)
        yield* runOptional(locked)
        yield* zap(device.addressSpace, device.zapRanges)
      }
      return yield* run(body)
    } finally {
      yield* unwind(undo.reverse())
    }
  },
}
