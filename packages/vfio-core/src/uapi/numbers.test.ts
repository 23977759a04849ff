import {
  API_VERSION,
  CAP_HEADER,
  CONTAINER_IOCTL,
  DEPENDENT_DEVICE,
  DEVICE_FLAGS,
  DEVICE_INFO,
  DEVICE_INFO_MIN_BYTES,
  DEVICE_IOCTL,
  GROUP_FLAGS,
  GROUP_IOCTL,
  GROUP_STATUS,
  HOT_RESET,
  HOT_RESET_INFO,
  IRQ_FLAGS,
  IRQ_INFO,
  PCI_IRQ,
  PCI_REGION,
  REGION_CAPS,
  REGION_FLAGS,
  REGION_INFO,
  REGION_TYPE,
  SPARSE_AREA,
} from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'

/** Number of each ioctl behind VFIO_BASE, as linux/vfio.h counts them. */
const NUMBERS = {
  GET_API_VERSION: 0,
  CHECK_EXTENSION: 1,
  SET_IOMMU: 2,
  GROUP_GET_STATUS: 3,
  GROUP_SET_CONTAINER: 4,
  GROUP_UNSET_CONTAINER: 5,
  GROUP_GET_DEVICE_FD: 6,
  DEVICE_GET_INFO: 7,
  DEVICE_GET_REGION_INFO: 8,
  DEVICE_GET_IRQ_INFO: 9,
  DEVICE_SET_IRQS: 10,
  DEVICE_RESET: 11,
  DEVICE_GET_PCI_HOT_RESET_INFO: 12,
  DEVICE_PCI_HOT_RESET: 13,
  DEVICE_IOEVENTFD: 16,
  DEVICE_FEATURE: 17,
  DEVICE_BIND_IOMMUFD: 18,
  DEVICE_ATTACH_IOMMUFD_PT: 19,
  DEVICE_DETACH_IOMMUFD_PT: 20,
  IOMMU_GET_INFO: 12,
  IOMMU_MAP_DMA: 13,
  IOMMU_UNMAP_DMA: 14,
  IOMMU_DIRTY_PAGES: 17,
} as const

describe('the numbers of linux/vfio.h', () => {
  const ours = { ...CONTAINER_IOCTL, ...GROUP_IOCTL, ...DEVICE_IOCTL }

  test.each(Object.entries(NUMBERS))('%s is ioctl %i', (name, number) => {
    expect(ours[name as keyof typeof ours]).toBe(0x3b64 + number)
  })

  test('name no ioctl besides', () => {
    expect(Object.keys(ours).sort()).toEqual(Object.keys(NUMBERS).sort())
    expect(API_VERSION).toBe(0)
  })

  test('have each flag as a bit of its own, in the order of the header', () => {
    const bits = (flags: object) => Object.values(flags).map((flag) => Math.log2(flag as number))
    expect(bits(DEVICE_FLAGS)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8])
    expect(bits(REGION_FLAGS)).toEqual([0, 1, 2, 3])
    expect(bits(IRQ_FLAGS)).toEqual([0, 1, 2, 3])
    expect(bits(GROUP_FLAGS)).toEqual([0, 1])
    expect(Object.values(REGION_CAPS)).toEqual([1, 2, 3, 4, 5])
    expect(Object.values(PCI_REGION)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(Object.values(PCI_IRQ)).toEqual([0, 1, 2, 3, 4, 5])
  })

  test('lay the structs out as C does', () => {
    const sizes = [GROUP_STATUS, DEVICE_INFO, REGION_INFO, IRQ_INFO, CAP_HEADER, REGION_TYPE, SPARSE_AREA]
    expect(sizes.map(({ sizeBytes }) => sizeBytes)).toEqual([8, 20, 32, 16, 8, 8, 16])
    expect([HOT_RESET_INFO, DEPENDENT_DEVICE, HOT_RESET].map(({ sizeBytes }) => sizeBytes)).toEqual([
      12, 8, 12,
    ])
    expect(DEVICE_INFO.offsetOf('cap_offset')).toBe(DEVICE_INFO_MIN_BYTES)
    expect(REGION_INFO.offsetOf('size')).toBe(16)
    expect(REGION_INFO.offsetOf('offset')).toBe(24)
  })
})
