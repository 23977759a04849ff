/** VFIO_IOMMU_MAP_DMA. Kernel: `vfio_iommu_type1_map_dma`, `vfio_dma_do_map`. */
import type { Operation } from '@vfiokit/locking'
import type { IoctlCall } from '../device-driver.ts'
import { argumentIn } from '../ioctl-argument.ts'
import type { Process } from '../mm/process.ts'
import { DMA_MAP, DMA_MAP_FLAGS } from '../uapi/index.ts'
import { VfioError } from '../vfio-error.ts'
import { type DmaPermission, pinMemory } from './pinned-memory.ts'
import { bytesOf, isUnaligned, refuseWrap, spanOf, type Type1Iommu } from './type1-iommu.ts'

/** What is to be mapped where. */
interface MapRequest {
  readonly vaddr: bigint
  readonly iova: bigint
  readonly size: bigint
  readonly permission: DmaPermission
  /** Gives a mapping another address in the process, nothing else. */
  readonly setsVaddr: boolean
}

/** @throws VfioError as the kernel does, in the order of its checks. */
export function* mapDma(iommu: Type1Iommu, { argument, process }: IoctlCall): Operation<number> {
  const request = requestIn(iommu, argument)
  return yield* iommu.locked(mapChecked(iommu, process, request))
}

function requestIn({ profile }: Type1Iommu, argument: Uint8Array): MapRequest {
  const { flags, vaddr, iova, size } = argumentIn(DMA_MAP, argument)
  const { READ, WRITE, VADDR } = DMA_MAP_FLAGS
  const known = READ | WRITE | (profile.dmaUpdatesVaddr ? VADDR : 0)
  if ((flags & ~known) !== 0) throw new VfioError('EINVAL', 'bad-flags', `flags 0x${flags.toString(16)}`)
  if (profile.dmaMapWrapFirst && size !== 0n) {
    refuseWrap(profile, iova, size)
    refuseWrap(profile, vaddr, size)
  }
  const setsVaddr = (flags & VADDR) !== 0
  const permission = { read: (flags & READ) !== 0, write: (flags & WRITE) !== 0 }
  if (setsVaddr === (permission.read || permission.write))
    throw new VfioError('EINVAL', 'bad-flags', 'a mapping is read, written, or gets another address')
  if (size === 0n || [size, iova, vaddr].some(isUnaligned))
    throw new VfioError('EINVAL', 'bad-alignment', `0x${iova.toString(16)} + ${size}, not in whole pages`)
  refuseWrap(profile, iova, size)
  refuseWrap(profile, vaddr, size)
  return { vaddr, iova, size, permission, setsVaddr }
}

function* mapChecked(iommu: Type1Iommu, process: Process, request: MapRequest): Operation<number> {
  const { vaddr, iova, size, permission } = request
  const span = spanOf(iova, size)
  if (request.setsVaddr) return setVaddr(iommu, request)
  if (iommu.mappings.firstIn(span.first, span.last) !== undefined)
    throw new VfioError('EEXIST', 'is-mapped', `a part of 0x${iova.toString(16)} + ${size} is mapped`)
  if (iommu.available === 0)
    throw new VfioError('ENOSPC', 'entry-limit', 'the container takes no more mappings')
  if (!iommu.ranges.some(({ first, last }) => first <= iova && iova + size - 1n <= last))
    throw new VfioError('EINVAL', 'bad-address', `0x${iova.toString(16)} + ${size} cannot be mapped`)
  // The entry is taken before anything is pinned and given back when that fails.
  iommu.available--
  try {
    const memory = yield* pinMemory(process, vaddr, span.last - span.first + 1, permission)
    iommu.add({ ...span, permission, memory, vaddrIsInvalid: false })
  } catch (error) {
    iommu.available++
    throw error
  }
  return 0
}

function setVaddr(iommu: Type1Iommu, { iova, size }: MapRequest): number {
  const { first, last } = spanOf(iova, size)
  const mapping = iommu.mappings.firstIn(first, last)
  if (mapping === undefined) throw new VfioError('ENOENT', 'no-mapping', `0x${iova.toString(16)}`)
  if (!mapping.vaddrIsInvalid || mapping.first !== first || bytesOf(mapping) !== size)
    throw new VfioError('EINVAL', 'bad-address', 'only a whole mapping without address gets one')
  mapping.vaddrIsInvalid = false
  return 0
}
