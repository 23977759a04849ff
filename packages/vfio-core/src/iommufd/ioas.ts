/** An I/O address space of iommufd. Kernel: `struct iommufd_ioas`, `struct io_pagetable`. */
import { acquire, type Mutex, type Operation, release } from '@vfiokit/locking'
import type { DmaDomain } from '../iommu/device-dma.ts'
import { PageSpans } from '../iommu/page-spans.ts'
import { type DmaPermission, type PinnedMemory, pinMemory } from '../iommu/pinned-memory.ts'
import { bytesOf, isUnaligned, spanOf, X86_RANGES } from '../iommu/type1-iommu.ts'
import { AnonymousMemory } from '../mm/anonymous-memory.ts'
import type { Frame } from '../mm/frame.ts'
import { PAGE_SIZE_BYTES } from '../mm/page.ts'
import type { Process } from '../mm/process.ts'
import { VfioError } from '../vfio-error.ts'

interface Area {
  readonly first: number
  readonly last: number
  readonly permission: DmaPermission
  readonly memory: PinnedMemory
}

/** Memory of a process at DMA addresses. */
export interface IoasMapRequest {
  readonly address: bigint
  readonly length: bigint
  /** Undefined: wherever there is room. */
  readonly iova: bigint | undefined
  readonly permission: DmaPermission
}

const PAGE_BYTES = BigInt(PAGE_SIZE_BYTES)

/** What devices that are attached to it see of memory. */
export class Ioas implements DmaDomain {
  readonly #areas = new PageSpans<Area>()
  /** Devices that see it, by name. */
  readonly attached: Set<string> = new Set()

  /** @param lock - Serialises mapping and unmapping. Kernel: `io_pagetable.iova_rwsem`. */
  constructor(readonly lock: Mutex) {}

  frameAt(page: number, need: keyof DmaPermission): Frame | undefined {
    const area = this.#areas.at(page)
    return area?.permission[need] ? area.memory.frameAt(page - area.first) : undefined
  }

  /**
   * Maps memory. Kernel: `iopt_map_user_pages`.
   *
   * @returns where it was mapped.
   * @throws VfioError EINVAL for what is not in whole pages or cannot be mapped, EEXIST over another area,
   *   EFAULT for what cannot be pinned: memory of devices is among that. ENOSPC when there is no room.
   */
  *map(process: Process, request: IoasMapRequest): Operation<bigint> {
    const { address, length, permission } = request
    if (length === 0n || [length, address, request.iova ?? 0n].some(isUnaligned))
      throw new VfioError('EINVAL', 'bad-alignment', `0x${address.toString(16)} + ${length}`)
    yield* acquire(this.lock)
    try {
      const iova = request.iova ?? this.#room(length)
      const span = spanOf(iova, length)
      if (this.#areas.firstIn(span.first, span.last) !== undefined)
        throw new VfioError('EEXIST', 'is-mapped', `a part of 0x${iova.toString(16)} + ${length} is mapped`)
      if (!X86_RANGES.some(({ first, last }) => first <= iova && iova + length - 1n <= last))
        throw new VfioError('EINVAL', 'bad-address', `0x${iova.toString(16)} + ${length} cannot be mapped`)
      refuseDeviceMemory(process, address, length)
      const memory = yield* pinMemory(process, address, span.last - span.first + 1, permission)
      this.#areas.add({ ...span, permission, memory })
      return iova
    } finally {
      yield* release(this.lock)
    }
  }

  /**
   * Unmaps whole areas. Kernel: `iopt_unmap_iova_range`.
   *
   * @returns how many bytes were unmapped.
   * @throws VfioError EINVAL when an area would be cut, ENOENT when there is none.
   */
  *unmap(iova: bigint, length: bigint): Operation<bigint> {
    if (length === 0n) throw new VfioError('EINVAL', 'bad-count', 'nothing to unmap')
    yield* acquire(this.lock)
    try {
      const first = Number(iova / PAGE_BYTES)
      const last = Number((iova + length - 1n) / PAGE_BYTES)
      const hit = this.#areas.within(first, last)
      if (hit.length === 0) throw new VfioError('ENOENT', 'no-mapping', `0x${iova.toString(16)} + ${length}`)
      if (hit.some((area) => area.first < first || area.last > last))
        throw new VfioError('EINVAL', 'bad-address', `0x${iova.toString(16)} + ${length} cuts an area`)
      for (const area of hit) this.#areas.remove(area)
      return hit.reduce((sum, area) => sum + bytesOf(area), 0n)
    } finally {
      yield* release(this.lock)
    }
  }

  /** Unmaps everything. @returns how many bytes that were. */
  *unmapAll(): Operation<bigint> {
    yield* acquire(this.lock)
    try {
      const bytes = [...this.#areas].reduce((sum, area) => sum + bytesOf(area), 0n)
      this.#areas.clear()
      return bytes
    } finally {
      yield* release(this.lock)
    }
  }

  /** The lowest gap that is large enough. */
  #room(length: bigint): bigint {
    for (const { first, last } of X86_RANGES) {
      let at = first
      const span = spanOf(first, last - first + 1n)
      for (const area of this.#areas.within(span.first, span.last)) {
        if (BigInt(area.first) * PAGE_BYTES - at >= length) return at
        at = BigInt(area.last + 1) * PAGE_BYTES
      }
      if (last - at + 1n >= length) return at
    }
    throw new VfioError('ENOSPC', 'entry-limit', `no gap of ${length} bytes`)
  }
}

/** iommufd pins pages, and what a device shows has none. Kernel: `pin_user_pages` of a VM_PFNMAP. */
function refuseDeviceMemory(process: Process, address: bigint, length: bigint): void {
  for (let at = Number(address); at < Number(address + length); ) {
    const area = process.areaAt(at)
    if (area === undefined) return
    if (!(area instanceof AnonymousMemory))
      throw new VfioError('EFAULT', 'bad-address', `0x${at.toString(16)} is memory of a device`)
    at = area.end
  }
}
