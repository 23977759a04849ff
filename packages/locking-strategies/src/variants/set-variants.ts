/** Hot resets, opens and closes that leave out a lock, or take it too late. */
import { type Body, type LockingStrategy, Refused, run, unwind, zap } from '@vfiokit/locking'
import { rfc2021 } from '../rfc-2021.ts'
import { prepareMembers, tryLockMembers } from '../set-members.ts'
import { sharedInode } from '../shared-inode.ts'
import { type UnmapRangeDevice, type UnmapRangeSet, unmapRange } from '../unmap-range.ts'
import { unionOfRanges } from '../zap-ranges.ts'

type Strategy = LockingStrategy<UnmapRangeDevice, UnmapRangeSet>

/** shared-inode with its one zap before the locks instead of behind them. */
export const sharedInodeZapFirst: Strategy = {
  ...sharedInode,
  name: 'shared-inode-zap-first',

  excludeSet: (set, members, body) =>
    sharedInode.lifecycle(set, function* () {
      const prepared: Body<void>[] = []
      const locked: Body<void>[] = []
      try {
        const unready = yield* prepareMembers(members, prepared)
        if (unready !== undefined) return new Refused(unready)
        const ranges = unionOfRanges(members.flatMap(({ device }) => device.zapRanges))
        if (members[0] !== undefined) yield* zap(members[0].device.addressSpace, ranges)
        const refused = yield* tryLockMembers(members, locked)
        return refused === undefined ? yield* run(body) : new Refused(refused)
      } finally {
        yield* unwind([...locked.reverse(), ...prepared.reverse()])
      }
    }),
}

/** unmap-range with a hot reset that takes no lock of the set. */
export const unmapRangeNoSetLock: Strategy = {
  ...unmapRange,
  name: 'unmap-range-no-set-lock',
  excludeSet: rfc2021.excludeSet,
}

/** unmap-range whose opens and closes take no lock of the set: two may count at once. */
export const unmapRangeNoOpenLock: Strategy = {
  ...unmapRange,
  name: 'unmap-range-no-open-lock',

  *lifecycle(_set, body) {
    return yield* run(body)
  },
}
