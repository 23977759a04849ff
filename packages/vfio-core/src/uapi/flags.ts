/** Flag bits and indexes of linux/vfio.h. */

/** `VFIO_DEVICE_FLAGS_*` */
export const DEVICE_FLAGS = {
  RESET: 1,
  PCI: 2,
  PLATFORM: 4,
  AMBA: 8,
  CCW: 16,
  AP: 32,
  FSL_MC: 64,
  CAPS: 128,
  CDX: 256,
} as const

/** `VFIO_REGION_INFO_FLAG_*` */
export const REGION_FLAGS = { READ: 1, WRITE: 2, MMAP: 4, CAPS: 8 } as const

/** `VFIO_REGION_INFO_CAP_*` */
export const REGION_CAPS = {
  SPARSE_MMAP: 1,
  TYPE: 2,
  MSIX_MAPPABLE: 3,
  NVLINK2_SSATGT: 4,
  NVLINK2_LNKSPD: 5,
} as const

/** `VFIO_IRQ_INFO_*` */
export const IRQ_FLAGS = { EVENTFD: 1, MASKABLE: 2, AUTOMASKED: 4, NORESIZE: 8 } as const

/** `VFIO_IRQ_SET_DATA_*`: what follows the header of SET_IRQS. */
export const IRQ_SET_DATA = { NONE: 1, BOOL: 2, EVENTFD: 4 } as const
/** `VFIO_IRQ_SET_ACTION_*`: what is done with each interrupt. */
export const IRQ_SET_ACTION = { MASK: 8, UNMASK: 16, TRIGGER: 32 } as const

/** `VFIO_GROUP_FLAGS_*` */
export const GROUP_FLAGS = { VIABLE: 1, CONTAINER_SET: 2 } as const

/** IOMMU types of `CHECK_EXTENSION` and `SET_IOMMU`. */
export const IOMMU_TYPE = { TYPE1: 1, TYPE1V2: 3 } as const

/** Indexes of the regions of a PCI device; device-specific ones begin at `FIRST_DEVICE_SPECIFIC`. */
export const PCI_REGION = {
  BAR0: 0,
  BAR1: 1,
  BAR2: 2,
  BAR3: 3,
  BAR4: 4,
  BAR5: 5,
  ROM: 6,
  CONFIG: 7,
  VGA: 8,
  FIRST_DEVICE_SPECIFIC: 9,
} as const

/** Indexes of the interrupts of a PCI device. */
export const PCI_IRQ = { INTX: 0, MSI: 1, MSIX: 2, ERR: 3, REQ: 4, COUNT: 5 } as const

/** Bit 31 of a region type: the low half is a PCI vendor id. `VFIO_REGION_TYPE_PCI_VENDOR_TYPE`. */
export const REGION_TYPE_PCI_VENDOR = 0x8000_0000

/** `VFIO_IOMMU_INFO_*` */
export const IOMMU_INFO_FLAGS = { PGSIZES: 1, CAPS: 2 } as const

/** `VFIO_IOMMU_TYPE1_INFO_CAP_*` and `VFIO_IOMMU_TYPE1_INFO_DMA_AVAIL` */
export const IOMMU_CAPS = { IOVA_RANGE: 1, MIGRATION: 2, DMA_AVAIL: 3 } as const

/** `VFIO_DMA_MAP_FLAG_*` */
export const DMA_MAP_FLAGS = { READ: 1, WRITE: 2, VADDR: 4 } as const

/** `VFIO_DMA_UNMAP_FLAG_*` */
export const DMA_UNMAP_FLAGS = { GET_DIRTY_BITMAP: 1, ALL: 2, VADDR: 4 } as const

/** `VFIO_IOMMU_DIRTY_PAGES_FLAG_*` */
export const DIRTY_PAGES_FLAGS = { START: 1, STOP: 2, GET_BITMAP: 4 } as const

/** `VFIO_DEVICE_FEATURE_*`: the low half of the flags is an index of {@link FEATURE}. */
export const DEVICE_FEATURE_FLAGS = { MASK: 0xffff, GET: 0x1_0000, SET: 0x2_0000, PROBE: 0x4_0000 } as const

/** Indexes of features. */
export const FEATURE = {
  PCI_VF_TOKEN: 0,
  MIGRATION: 1,
  MIG_DEVICE_STATE: 2,
  LOW_POWER_ENTRY: 3,
  LOW_POWER_ENTRY_WITH_WAKEUP: 4,
  LOW_POWER_EXIT: 5,
  DMA_LOGGING_START: 6,
  DMA_LOGGING_STOP: 7,
  DMA_LOGGING_REPORT: 8,
  MIG_DATA_SIZE: 9,
  BUS_MASTER: 10,
  DMA_BUF: 11,
  MIG_PRECOPY_INFOV2: 12,
} as const
