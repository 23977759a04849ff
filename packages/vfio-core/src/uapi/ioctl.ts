/**
 * ioctl numbers of linux/vfio.h: type ';', base 100 (0x3b64), no direction or size bits.
 *
 * Numbers from 12 on mean something else on a container than on a device.
 */
/** On a container. */
export const CONTAINER_IOCTL = {
  GET_API_VERSION: 0x3b64,
  CHECK_EXTENSION: 0x3b65,
  SET_IOMMU: 0x3b66,
  IOMMU_GET_INFO: 0x3b70,
  IOMMU_MAP_DMA: 0x3b71,
  IOMMU_UNMAP_DMA: 0x3b72,
  IOMMU_DIRTY_PAGES: 0x3b75,
} as const

/** On a group. */
export const GROUP_IOCTL = {
  GROUP_GET_STATUS: 0x3b67,
  GROUP_SET_CONTAINER: 0x3b68,
  GROUP_UNSET_CONTAINER: 0x3b69,
  GROUP_GET_DEVICE_FD: 0x3b6a,
} as const

/** On a device. */
export const DEVICE_IOCTL = {
  DEVICE_GET_INFO: 0x3b6b,
  DEVICE_GET_REGION_INFO: 0x3b6c,
  DEVICE_GET_IRQ_INFO: 0x3b6d,
  DEVICE_SET_IRQS: 0x3b6e,
  DEVICE_RESET: 0x3b6f,
  DEVICE_GET_PCI_HOT_RESET_INFO: 0x3b70,
  DEVICE_PCI_HOT_RESET: 0x3b71,
  DEVICE_IOEVENTFD: 0x3b74,
  DEVICE_FEATURE: 0x3b75,
  DEVICE_BIND_IOMMUFD: 0x3b76,
  DEVICE_ATTACH_IOMMUFD_PT: 0x3b77,
  DEVICE_DETACH_IOMMUFD_PT: 0x3b78,
} as const

/** On the file through which the state of a device goes. */
export const MIGRATION_IOCTL = {
  MIG_GET_PRECOPY_INFO: 0x3b79,
} as const

/** On `/dev/iommu`: base 0x80, as in linux/iommufd.h. */
export const IOMMUFD_IOCTL = {
  IOMMU_DESTROY: 0x3b80,
  IOMMU_IOAS_ALLOC: 0x3b81,
  IOMMU_IOAS_MAP: 0x3b85,
  IOMMU_IOAS_UNMAP: 0x3b86,
} as const

/** `VFIO_API_VERSION`. */
export const API_VERSION = 0
