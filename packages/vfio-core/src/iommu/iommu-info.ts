/** VFIO_IOMMU_GET_INFO: page sizes, and what else can be known. Kernel: `vfio_iommu_type1_get_info`. */
import { argumentIn, requireBytes } from '../ioctl-argument.ts'
import { PAGE_SIZE_BYTES } from '../mm/page.ts'
import {
  chainBytes,
  type InfoCapability,
  IOMMU_CAPS,
  IOMMU_INFO,
  IOMMU_INFO_FLAGS,
  IOMMU_INFO_MIN_BYTES,
  writeChain,
} from '../uapi/index.ts'
import type { Type1Iommu } from './type1-iommu.ts'

/** Bytes of the largest bitmap of dirty pages. Kernel: `DIRTY_BITMAP_SIZE_MAX`. */
const DIRTY_BITMAP_MAX_BYTES = 2n ** 28n

/** @throws VfioError EFAULT, EINVAL for an argsz below 16. */
export function iommuInfo(iommu: Type1Iommu, argument: Uint8Array): number {
  const { argsz } = argumentIn(IOMMU_INFO, argument, IOMMU_INFO_MIN_BYTES)
  const { iommuCapabilityAlignBytes, iommuInfoBytes, iommuPageSizes } = iommu.profile
  const capabilities = [migration(), available(iommu), ranges(iommu)]
  const needed = IOMMU_INFO.sizeBytes + chainBytes(capabilities, iommuCapabilityAlignBytes)
  const fits = argsz >= needed
  if (fits) {
    requireBytes(argument, needed)
    writeChain(argument, IOMMU_INFO.sizeBytes, capabilities, iommuCapabilityAlignBytes)
  }
  const written = Math.min(argsz, iommuInfoBytes)
  requireBytes(argument, written)
  IOMMU_INFO.write(argument.subarray(0, written), {
    argsz: fits ? argsz : needed,
    flags: IOMMU_INFO_FLAGS.PGSIZES | IOMMU_INFO_FLAGS.CAPS,
    iova_pgsizes: iommuPageSizes,
    cap_offset: fits ? IOMMU_INFO.sizeBytes : 0,
    pad: 0,
  })
  return 0
}

function migration(): InfoCapability {
  const body = new DataView(new ArrayBuffer(24))
  body.setBigUint64(8, BigInt(PAGE_SIZE_BYTES), true)
  body.setBigUint64(16, DIRTY_BITMAP_MAX_BYTES, true)
  return { id: IOMMU_CAPS.MIGRATION, version: 1, body: new Uint8Array(body.buffer) }
}

function available(iommu: Type1Iommu): InfoCapability {
  const body = new DataView(new ArrayBuffer(4))
  body.setUint32(0, iommu.available, true)
  return { id: IOMMU_CAPS.DMA_AVAIL, version: 1, body: new Uint8Array(body.buffer) }
}

function ranges(iommu: Type1Iommu): InfoCapability {
  const body = new DataView(new ArrayBuffer(8 + 16 * iommu.ranges.length))
  body.setUint32(0, iommu.ranges.length, true)
  iommu.ranges.forEach(({ first, last }, at) => {
    body.setBigUint64(8 + 16 * at, first, true)
    body.setBigUint64(16 + 16 * at, last, true)
  })
  return { id: IOMMU_CAPS.IOVA_RANGE, version: 1, body: new Uint8Array(body.buffer) }
}
