/** Every strategy that ships, the default first. */
import type { AnyLockingStrategy } from '@vfiokit/locking'
import { layered } from './layered.ts'
import { ordered } from './ordered.ts'
import { rfc2021 } from './rfc-2021.ts'
import { setRwsem } from './set-rwsem.ts'
import { sharedInode } from './shared-inode.ts'
import { unmapRange } from './unmap-range.ts'
import { vmaList } from './vma-list.ts'
import { vmaListDeviceSet } from './vma-list-device-set.ts'

/** To choose from by name, oldest kernel first behind the default. Neither canaries nor variants. */
export const STRATEGIES: readonly AnyLockingStrategy[] = [
  unmapRange,
  vmaList,
  rfc2021,
  sharedInode,
  layered,
  vmaListDeviceSet,
  ordered,
  setRwsem,
]
