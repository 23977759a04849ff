/** VFIO_IOMMU_UNMAP_DMA. Kernel: `vfio_iommu_type1_unmap_dma`, `vfio_dma_do_unmap`. */
import type { Operation } from '@vfiokit/locking'
import type { IoctlCall } from '../device-driver.ts'
import { argumentIn, requireBytes } from '../ioctl-argument.ts'
import type { Process } from '../mm/process.ts'
import { DIRTY_BITMAP, DMA_UNMAP, DMA_UNMAP_FLAGS } from '../uapi/index.ts'
import { VfioError } from '../vfio-error.ts'
import { type BitmapTarget, refuseBitmap, writeDirtyBitmap } from './dirty-pages.ts'
import { bytesOf, type DmaMapping, isUnaligned, refuseWrap, spanOf, type Type1Iommu } from './type1-iommu.ts'

const { GET_DIRTY_BITMAP, ALL, VADDR } = DMA_UNMAP_FLAGS

interface UnmapRequest {
  readonly iova: bigint
  readonly size: bigint
  /** Everything, whatever it is. */
  readonly all: boolean
  /** The mappings stay; only the addresses in the process become invalid. */
  readonly takesVaddr: boolean
  readonly bitmap: BitmapTarget | undefined
}

/**
 * Answers how many bytes were unmapped in `size`, and leaves it alone on failure.
 *
 * @throws VfioError as the kernel does, in the order of its checks.
 */
export function* unmapDma(iommu: Type1Iommu, { argument, process }: IoctlCall): Operation<number> {
  const request = requestIn(iommu, argument)
  const size = yield* iommu.locked(unmapChecked(iommu, process, request))
  DMA_UNMAP.write(argument, { size })
  return 0
}

function requestIn({ profile }: Type1Iommu, argument: Uint8Array): UnmapRequest {
  const { argsz, flags, iova, size } = argumentIn(DMA_UNMAP, argument)
  const known = GET_DIRTY_BITMAP | (profile.dmaUpdatesVaddr ? ALL | VADDR : 0)
  const dirty = (flags & GET_DIRTY_BITMAP) !== 0
  if ((flags & ~known) !== 0 || (dirty && flags !== GET_DIRTY_BITMAP))
    throw new VfioError('EINVAL', 'bad-flags', `flags 0x${flags.toString(16)}`)
  const bitmap = dirty ? bitmapIn(argument, argsz, size) : undefined
  return { iova, size, all: (flags & ALL) !== 0, takesVaddr: (flags & VADDR) !== 0, bitmap }
}

function bitmapIn(argument: Uint8Array, argsz: number, size: bigint): BitmapTarget {
  const end = DMA_UNMAP.sizeBytes + DIRTY_BITMAP.sizeBytes
  if (argsz < end) throw new VfioError('EINVAL', 'argsz-too-small', `no bitmap in ${argsz} bytes`)
  requireBytes(argument, end)
  const { pgsize, size: bytes, data } = DIRTY_BITMAP.decode(argument, DMA_UNMAP.sizeBytes)
  const target = { pageBytes: pgsize, bytes, address: data }
  refuseBitmap(target, size)
  return target
}

function* unmapChecked(iommu: Type1Iommu, process: Process, request: UnmapRequest): Operation<bigint> {
  const { bitmap, takesVaddr } = request
  if (bitmap !== undefined && !iommu.isTrackingDirtyPages)
    throw new VfioError('EINVAL', 'unsupported', 'dirty pages are not tracked')
  const hit = hitBy(iommu, request)
  if (takesVaddr) return invalidate(hit)
  for (const mapping of hit) {
    if (bitmap !== undefined) yield* writeDirtyBitmap(process, bitmap, request.iova, [mapping])
    iommu.remove(mapping)
  }
  return hit.reduce((sum, mapping) => sum + bytesOf(mapping), 0n)
}

/** The mappings that an unmap is about. */
function hitBy(iommu: Type1Iommu, { iova, size, all }: UnmapRequest): readonly DmaMapping[] {
  if (isUnaligned(iova)) throw new VfioError('EINVAL', 'bad-alignment', `0x${iova.toString(16)}`)
  if (all) {
    if (iova !== 0n || size !== 0n) throw new VfioError('EINVAL', 'bad-address', 'ALL is from 0 with size 0')
    return [...iommu.mappings]
  }
  if (size === 0n || isUnaligned(size)) throw new VfioError('EINVAL', 'bad-alignment', `${size} bytes`)
  refuseWrap(iommu.profile, iova, size)
  const { first, last } = spanOf(iova, size)
  const hit = iommu.mappings.within(first, last)
  if (!iommu.isV2) return hit[0] !== undefined && hit[0].first < first ? [] : hit
  if (hit.some((mapping) => mapping.first < first || mapping.last > last))
    throw new VfioError('EINVAL', 'bad-address', `0x${iova.toString(16)} + ${size} cuts a mapping`)
  return hit
}

/** All of them, or none when one has no address any more. */
function invalidate(hit: readonly DmaMapping[]): bigint {
  if (hit.some(({ vaddrIsInvalid }) => vaddrIsInvalid))
    throw new VfioError('EINVAL', 'no-mapping', 'a mapping has no address already')
  for (const mapping of hit) mapping.vaddrIsInvalid = true
  return hit.reduce((sum, mapping) => sum + bytesOf(mapping), 0n)
}
