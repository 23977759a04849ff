/** vma-list, and its successor, with the bugs that kernels had or took care not to have. */
import {
  acquire,
  type Body,
  DENIED,
  guarded,
  type LockingStrategy,
  type LockUse,
  label,
  type Operation,
  Refused,
  release,
  run,
  unwind,
  zapMapping,
} from '@vfiokit/locking'
import { prepareMembers } from '../set-members.ts'
import { type VmaListDevice, zapAndVmaLock } from '../tracked-vmas.ts'
import { tryLockInTwoPasses, type VmaListSet, vmaList } from '../vma-list.ts'

type VmaListStrategy = LockingStrategy<VmaListDevice, VmaListSet>

/** vma-list with a read side that enters itself. */
export const vmaListRecursiveRead: VmaListStrategy = {
  ...vmaList,
  name: 'vma-list-recursive-read',
  readSide: (device) => [...vmaList.readSide(device), ...vmaList.readSide(device)],
}

/** vma-list with a fault that does not look whether another was faster. */
export const vmaListNoGuard: VmaListStrategy = {
  ...vmaList,
  name: 'vma-list-no-guard',

  *fault(device, mapping, { admit, act }) {
    const { vmaLock, memoryLock, vmas } = device.state
    const uses: LockUse[] = [
      { lock: vmaLock, mode: 'write' },
      { lock: memoryLock, mode: 'read' },
    ]
    const outcome = yield* guarded(uses, {
      admit,
      *act(): Operation<void> {
        if (yield* vmas.has(mapping)) throw new Error(`BUG: ${mapping.id} has pages already`)
        yield* vmas.add(mapping)
        yield* run(act)
      },
    })
    return outcome === DENIED ? 'sigbus' : 'nopage'
  },
}

/** vma-list with vma_lock released before memory_lock is taken. */
export const vmaListDropsTooEarly: VmaListStrategy = {
  ...vmaList,
  name: 'vma-list-drops-too-early',

  *exclude(device, effect, body) {
    const { vmaLock } = device.state
    if (effect === 'zap') {
      yield* zapAndVmaLock(device, false, 'exclude')
      yield* release(vmaLock)
    }
    return yield* vmaList.exclude(device, 'lock-only', body)
  },
}

/** vma-list that keeps vma_lock while it waits for the mmap_lock of each process. */
export const vmaListMmapUnderVmaLock: VmaListStrategy = {
  ...vmaList,
  name: 'vma-list-mmap-under-vma-lock',

  *exclude(device, effect, body) {
    const { vmaLock, vmas } = device.state
    yield* acquire(vmaLock)
    try {
      for (;;) {
        yield* label('zap under vma_lock', device.id)
        const mapping = effect === 'zap' ? yield* vmas.first() : undefined
        if (mapping === undefined) break
        yield* acquire(mapping.process.mmapLock, 'read')
        yield* zapMapping(mapping)
        yield* vmas.remove(mapping)
        yield* release(mapping.process.mmapLock, 'read')
      }
      return yield* vmaList.exclude(device, 'lock-only', body)
    } finally {
      yield* release(vmaLock)
    }
  },
}

/** vma-list whose hook at fork comes before the pages are copied. */
export const vmaListForkKeepsPages: VmaListStrategy = {
  ...vmaList,
  name: 'vma-list-fork-keeps-pages',
  *vmaOpened() {},
}

/** vma-list that gives back vma_lock of every member when a later member is contended. */
export const vmaListOneCursor: VmaListStrategy = {
  ...vmaList,
  name: 'vma-list-one-cursor',

  *excludeSet(_set, members, body) {
    const prepared: Body<void>[] = []
    let held: Body<void>[] = []
    try {
      const unready = yield* prepareMembers(members, prepared)
      if (unready !== undefined) return new Refused(unready)
      const refused = yield* tryLockInTwoPasses(members, held)
      if (refused === undefined) return yield* run(body)
      held = members.slice(0, held.length).map(
        ({ device }) =>
          () =>
            release(device.state.vmaLock),
      )
      return new Refused(refused)
    } finally {
      yield* unwind([...held, ...prepared.reverse()])
    }
  },
}
