/** The variants, what each is after, and what must be found wrong with it. */
import type { AnyLockingStrategy, InvariantId } from '@vfiokit/locking'
import { rfc2021NoGuard, rfc2021PfnKey } from './rfc-2021-variants.ts'
import { sharedInodeZapFirst, unmapRangeNoOpenLock, unmapRangeNoSetLock } from './set-variants.ts'
import {
  vmaListDropsTooEarly,
  vmaListForkKeepsPages,
  vmaListMmapUnderVmaLock,
  vmaListNoGuard,
  vmaListOneCursor,
  vmaListRecursiveRead,
} from './vma-list-variants.ts'

/** What goes wrong: an invariant breaks, tasks wait for each other, or the kernel would hit a BUG. */
export type VariantDefect = InvariantId | 'deadlock' | 'throws'

/** One strategy with a bug. */
export interface Variant {
  readonly strategy: AnyLockingStrategy
  /** Where the bug was. */
  readonly after: string
  /** What it does, as a fact. */
  readonly bug: string
  readonly defect: VariantDefect
  /** Found only under locks with a queue, where a waiting writer stops new readers. */
  readonly needsFairLocks?: true
}

/** All of them, oldest first. */
export const VARIANTS: readonly Variant[] = [
  {
    strategy: vmaListRecursiveRead,
    after: 'Linux 5.8, until "vfio-pci: Avoid recursive read-lock usage" (5.9)',
    bug: 'an access takes memory_lock for reading again, as its copy to a mapping of the same BAR did',
    defect: 'deadlock',
    needsFairLocks: true,
  },
  {
    strategy: vmaListNoGuard,
    after: 'Linux 5.8 to 5.13, until "vfio/pci: Handle concurrent vma faults" (5.14)',
    bug: 'the second of two faults inserts the whole mapping once more',
    defect: 'throws',
  },
  {
    strategy: vmaListDropsTooEarly,
    after: 'why 5.10 takes memory_lock before it drops vma_lock',
    bug: 'vma_lock is released before memory_lock is held: a fault lists a mapping in between',
    defect: 'I1',
  },
  {
    strategy: vmaListMmapUnderVmaLock,
    after: 'why 5.10 drops vma_lock for each mmap_lock (H2)',
    bug: 'mmap_lock is waited for under vma_lock',
    defect: 'deadlock',
  },
  {
    strategy: vmaListForkKeepsPages,
    after: '"fork: defer linking file vma until vma is fully initialized" (6.9)',
    bug: 'a fork copies pages after the hook that was to empty the child: they are on no list',
    defect: 'I1',
  },
  {
    strategy: vmaListOneCursor,
    after: 'why the unwind of 5.10 and 6.1 has two cursors',
    bug: 'a hot reset that fails in its second pass releases vma_lock of every member',
    defect: 'I7',
  },
  {
    strategy: rfc2021PfnKey,
    after: 'RFC PATCH 04/10 as posted; found on the list two days later',
    bug: 'mmap overwrites the page offset with the frame, so the zap looks in the wrong place',
    defect: 'I1',
  },
  {
    strategy: rfc2021NoGuard,
    after: 'RFC PATCH 04/10 as posted',
    bug: 'the second of two faults inserts the whole mapping once more',
    defect: 'throws',
  },
  {
    strategy: sharedInodeZapFirst,
    after: 'the first reading of "a single unmap_mapping_range() will take care of everything"',
    bug: 'the slot is emptied before the locks are held: a fault inserts in between',
    defect: 'I6',
  },
  {
    strategy: unmapRangeNoSetLock,
    after: 'Linux 5.8 to 5.14 and the RFC: the hot reset ioctl does not take reflck',
    bug: 'open and last close come in the middle of the reset of their slot',
    defect: 'I6',
  },
  {
    strategy: unmapRangeNoOpenLock,
    after: 'why vfio counts opens under the lock of the set since 5.8 (reflck, then dev_set)',
    bug: 'open and close take no lock: two that come at once read the same count',
    defect: 'I6',
  },
]
