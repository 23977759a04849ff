/**
 * Locking strategies behind fault, zap and reset, one file each.
 * @packageDocumentation
 */
export { rfc2021 } from './rfc-2021.ts'
export { type UnmapRangeDevice, type UnmapRangeSet, unmapRange } from './unmap-range.ts'
export { type VmaListDevice, type VmaListSet, vmaList } from './vma-list.ts'
