/**
 * Locking strategies behind fault, zap and reset, one file each.
 * @packageDocumentation
 */

export { layered } from './layered.ts'
export { ordered } from './ordered.ts'
export { rfc2021 } from './rfc-2021.ts'
export { type SetRwsemDevice, type SetRwsemSet, setRwsem } from './set-rwsem.ts'
export { sharedInode } from './shared-inode.ts'
export { STRATEGIES } from './strategies.ts'
export type { VmaListDevice } from './tracked-vmas.ts'
export { type UnmapRangeDevice, type UnmapRangeSet, unmapRange } from './unmap-range.ts'
export { type VmaListSet, vmaList } from './vma-list.ts'
export { vmaListDeviceSet } from './vma-list-device-set.ts'
