/**
 * A type1 IOMMU: the DMA mappings of a container, and what all its ioctls share.
 *
 * Kernel: `struct vfio_iommu` of vfio_iommu_type1.c. Type1 (v1) and type1v2 differ in what an unmap of
 * a part of a mapping does, and in dirty tracking, which only v2 has.
 */
import { acquire, type Mutex, type Operation, release } from '@vfiokit/locking'
import type { KernelProfile } from '../kernel-profile.ts'
import type { Frame } from '../mm/frame.ts'
import { PAGE_SIZE_BYTES } from '../mm/page.ts'
import { IOMMU_TYPE } from '../uapi/index.ts'
import { VfioError } from '../vfio-error.ts'
import { PageSpans } from './page-spans.ts'
import type { DmaPermission, PinnedMemory } from './pinned-memory.ts'

const PAGE_BYTES = BigInt(PAGE_SIZE_BYTES)
const ADDRESS_END = 2n ** 64n

/** One mapping: what a device sees at a range of DMA addresses. Kernel: `struct vfio_dma`. */
export interface DmaMapping {
  /** First and last page of DMA addresses. */
  readonly first: number
  readonly last: number
  readonly permission: DmaPermission
  readonly memory: PinnedMemory
  /** UNMAP with VADDR took the address of the process away; MAP with VADDR gives another one. */
  vaddrIsInvalid: boolean
}

/** DMA addresses that can be mapped, both ends included. */
export interface IovaRange {
  readonly first: bigint
  readonly last: bigint
}

/** What an IOMMU is like. */
export interface Type1Options {
  /** How many mappings it takes. Kernel: module parameter dma_entry_limit, read when the type is set. */
  readonly entryLimit?: number
  /** By default 48 bits of address but the window where x86 takes a write for an interrupt. */
  readonly ranges?: readonly IovaRange[]
}

const ENTRY_LIMIT = 65_535
/** 48 bits of address but the window where x86 takes a write for an interrupt. */
export const X86_RANGES: readonly IovaRange[] = [
  { first: 0n, last: 0xfedf_ffffn },
  { first: 0xfef0_0000n, last: 0xffff_ffff_ffffn },
]

/** The mappings of one container. */
export class Type1Iommu {
  readonly mappings: PageSpans<DmaMapping> = new PageSpans()
  readonly ranges: readonly IovaRange[]
  /** How many more mappings it takes. */
  available: number
  isTrackingDirtyPages = false

  /**
   * @param type - TYPE1 or TYPE1V2.
   * @param lock - Serialises every ioctl. Kernel: `vfio_iommu.lock`.
   */
  constructor(
    readonly type: number,
    readonly profile: KernelProfile,
    readonly lock: Mutex,
    options: Type1Options = {},
  ) {
    this.available = options.entryLimit ?? ENTRY_LIMIT
    this.ranges = options.ranges ?? X86_RANGES
  }

  /** Whether a mapping is unmapped as a whole or not at all. */
  get isV2(): boolean {
    return this.type === IOMMU_TYPE.TYPE1V2
  }

  add(mapping: DmaMapping): void {
    this.mappings.add(mapping)
  }

  remove(mapping: DmaMapping): void {
    this.mappings.remove(mapping)
    this.available++
  }

  /**
   * What a device reaches at a DMA address, or undefined: then the IOMMU blocks it.
   *
   * @param need - What the device wants to do there.
   */
  frameAt(page: number, need: keyof DmaPermission): Frame | undefined {
    const mapping = this.mappings.at(page)
    return mapping?.permission[need] ? mapping.memory.frameAt(page - mapping.first) : undefined
  }

  /** Runs what may not run beside another ioctl of the container. */
  *locked<T>(operation: Operation<T>): Operation<T> {
    yield* acquire(this.lock)
    try {
      return yield* operation
    } finally {
      yield* release(this.lock)
    }
  }
}

/** Whether a number of bytes, or an address, is inside a page. */
export function isUnaligned(value: bigint): boolean {
  return value % PAGE_BYTES !== 0n
}

/** Whether a range goes beyond 64 bits. A range of no bytes ends before it begins. */
function wraps(address: bigint, size: bigint): boolean {
  return address + size > ADDRESS_END
}

/** @throws VfioError for a range that wraps, as the kernel answers it. */
export function refuseWrap(profile: KernelProfile, address: bigint, size: bigint): void {
  if (wraps(address, size))
    throw new VfioError(profile.dmaRangeWraps, 'range-wraps', `0x${address.toString(16)} + ${size}`)
}

/** The pages of an aligned range. */
export function spanOf(iova: bigint, size: bigint): { readonly first: number; readonly last: number } {
  const first = iova / PAGE_BYTES
  return { first: Number(first), last: Number(first + size / PAGE_BYTES - 1n) }
}

/** How many bytes a mapping has. */
export function bytesOf({ first, last }: { readonly first: number; readonly last: number }): bigint {
  return BigInt(last - first + 1) * PAGE_BYTES
}
