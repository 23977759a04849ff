/**
 * Argument structs of the ioctls, field by field as in linux/vfio.h.
 *
 * The fields are one table; each struct is a layout of its row.
 */
import { Struct } from './struct.ts'

/** Fields of every struct, by its name in linux/vfio.h. */
export const STRUCT_FIELDS = {
  vfio_group_status: { argsz: 'u32', flags: 'u32' },
  vfio_device_info: {
    argsz: 'u32',
    flags: 'u32',
    num_regions: 'u32',
    num_irqs: 'u32',
    cap_offset: 'u32',
  },
  vfio_region_info: {
    argsz: 'u32',
    flags: 'u32',
    index: 'u32',
    cap_offset: 'u32',
    size: 'u64',
    offset: 'u64',
  },
  vfio_irq_info: { argsz: 'u32', flags: 'u32', index: 'u32', count: 'u32' },
  vfio_irq_set: { argsz: 'u32', flags: 'u32', index: 'u32', start: 'u32', count: 'u32' },
  vfio_device_ioeventfd: {
    argsz: 'u32',
    flags: 'u32',
    offset: 'u64',
    data: 'u64',
    fd: 's32',
    reserved: 'u32',
  },
  vfio_info_cap_header: { id: 'u16', version: 'u16', next: 'u32' },
  vfio_region_info_cap_type: { type: 'u32', subtype: 'u32' },
  vfio_region_sparse_mmap_area: { offset: 'u64', size: 'u64' },
  vfio_pci_hot_reset_info: { argsz: 'u32', flags: 'u32', count: 'u32' },
  vfio_pci_dependent_device: { group_id: 'u32', segment: 'u16', bus_devfn: 'u16' },
  vfio_pci_hot_reset: { argsz: 'u32', flags: 'u32', count: 'u32' },
  vfio_iommu_type1_info: {
    argsz: 'u32',
    flags: 'u32',
    iova_pgsizes: 'u64',
    cap_offset: 'u32',
    pad: 'u32',
  },
  vfio_iommu_type1_dma_map: { argsz: 'u32', flags: 'u32', vaddr: 'u64', iova: 'u64', size: 'u64' },
  vfio_iommu_type1_dma_unmap: { argsz: 'u32', flags: 'u32', iova: 'u64', size: 'u64' },
  vfio_bitmap: { pgsize: 'u64', size: 'u64', data: 'u64' },
  vfio_iommu_type1_dirty_bitmap: { argsz: 'u32', flags: 'u32' },
  vfio_iommu_type1_dirty_bitmap_get: {
    iova: 'u64',
    size: 'u64',
    pgsize: 'u64',
    bitmap_size: 'u64',
    data: 'u64',
  },
  vfio_precopy_info: { argsz: 'u32', flags: 'u32', initial_bytes: 'u64', dirty_bytes: 'u64' },
  vfio_device_bind_iommufd: { argsz: 'u32', flags: 'u32', iommufd: 's32', out_devid: 'u32' },
  vfio_device_attach_iommufd_pt: { argsz: 'u32', flags: 'u32', pt_id: 'u32' },
  vfio_device_detach_iommufd_pt: { argsz: 'u32', flags: 'u32' },
  iommu_destroy: { size: 'u32', id: 'u32' },
  iommu_ioas_alloc: { size: 'u32', flags: 'u32', out_ioas_id: 'u32' },
  iommu_ioas_map: {
    size: 'u32',
    flags: 'u32',
    ioas_id: 'u32',
    reserved: 'u32',
    user_va: 'u64',
    length: 'u64',
    iova: 'u64',
  },
  iommu_ioas_unmap: { size: 'u32', ioas_id: 'u32', iova: 'u64', length: 'u64' },
  vfio_device_feature: { argsz: 'u32', flags: 'u32' },
  vfio_device_feature_migration: { flags: 'u64' },
  vfio_device_feature_mig_state: { device_state: 'u32', data_fd: 's32' },
  vfio_device_low_power_entry_with_wakeup: { wakeup_eventfd: 's32', reserved: 'u32' },
  vfio_device_feature_mig_data_size: { stop_copy_length: 'u64' },
  vfio_device_feature_dma_logging_control: {
    page_size: 'u64',
    num_ranges: 'u32',
    reserved: 'u32',
    ranges: 'u64',
  },
  vfio_device_feature_dma_logging_range: { iova: 'u64', length: 'u64' },
  vfio_device_feature_dma_logging_report: { iova: 'u64', length: 'u64', page_size: 'u64', bitmap: 'u64' },
  vfio_device_feature_dma_buf: { region_index: 'u32', open_flags: 'u32', flags: 'u32', nr_ranges: 'u32' },
  vfio_region_dma_range: { offset: 'u64', length: 'u64' },
  int: { fd: 's32' },
} as const

/** Names of the structs. */
export type StructName = keyof typeof STRUCT_FIELDS
/** The layout of one of them. */
export type StructOf<N extends StructName> = Struct<(typeof STRUCT_FIELDS)[N]>

function structOf<N extends StructName>(name: N): StructOf<N> {
  return new Struct(name, STRUCT_FIELDS[name])
}

/** `struct vfio_group_status` */
export const GROUP_STATUS: StructOf<'vfio_group_status'> = structOf('vfio_group_status')
/** `struct vfio_device_info`; the first four fields are the least a caller must offer. */
export const DEVICE_INFO: StructOf<'vfio_device_info'> = structOf('vfio_device_info')
/** Least `argsz` of {@link DEVICE_INFO}. */
export const DEVICE_INFO_MIN_BYTES = 16
/** `struct vfio_region_info` */
export const REGION_INFO: StructOf<'vfio_region_info'> = structOf('vfio_region_info')
/** `struct vfio_irq_info` */
export const IRQ_INFO: StructOf<'vfio_irq_info'> = structOf('vfio_irq_info')
/** Header of `struct vfio_irq_set`; `count` bytes or descriptors follow. */
export const IRQ_SET: StructOf<'vfio_irq_set'> = structOf('vfio_irq_set')
/** `struct vfio_device_ioeventfd` */
export const IOEVENTFD: StructOf<'vfio_device_ioeventfd'> = structOf('vfio_device_ioeventfd')
/** Least `argsz` of {@link IOEVENTFD}: up to the descriptor. */
export const IOEVENTFD_MIN_BYTES = 28
/** `struct vfio_info_cap_header`: `next` counts from the start of the caller's struct. */
export const CAP_HEADER: StructOf<'vfio_info_cap_header'> = structOf('vfio_info_cap_header')
/** Behind the header of a TYPE capability. */
export const REGION_TYPE: StructOf<'vfio_region_info_cap_type'> = structOf('vfio_region_info_cap_type')
/** `struct vfio_region_sparse_mmap_area` */
export const SPARSE_AREA: StructOf<'vfio_region_sparse_mmap_area'> = structOf('vfio_region_sparse_mmap_area')
/** Header of `struct vfio_pci_hot_reset_info`; entries follow. */
export const HOT_RESET_INFO: StructOf<'vfio_pci_hot_reset_info'> = structOf('vfio_pci_hot_reset_info')
/** `struct vfio_pci_dependent_device`; bus is the low byte of `bus_devfn`, devfn the high one. */
export const DEPENDENT_DEVICE: StructOf<'vfio_pci_dependent_device'> = structOf('vfio_pci_dependent_device')
/** Header of `struct vfio_pci_hot_reset`; `count` group fds (s32) follow. */
export const HOT_RESET: StructOf<'vfio_pci_hot_reset'> = structOf('vfio_pci_hot_reset')
/** A pointer to one fd, as `GROUP_SET_CONTAINER` takes it; an array of them in `HOT_RESET`. */
export const FILE_DESCRIPTOR: StructOf<'int'> = structOf('int')
/** `struct vfio_iommu_type1_info` */
export const IOMMU_INFO: StructOf<'vfio_iommu_type1_info'> = structOf('vfio_iommu_type1_info')
/** Least `argsz` of {@link IOMMU_INFO}. */
export const IOMMU_INFO_MIN_BYTES = 16
/** `struct vfio_iommu_type1_dma_map` */
export const DMA_MAP: StructOf<'vfio_iommu_type1_dma_map'> = structOf('vfio_iommu_type1_dma_map')
/** `struct vfio_iommu_type1_dma_unmap`; a {@link DIRTY_BITMAP} may follow. */
export const DMA_UNMAP: StructOf<'vfio_iommu_type1_dma_unmap'> = structOf('vfio_iommu_type1_dma_unmap')
/** `struct vfio_bitmap`: a page size, and user memory for one bit a page. */
export const DIRTY_BITMAP: StructOf<'vfio_bitmap'> = structOf('vfio_bitmap')
/** Header of `struct vfio_iommu_type1_dirty_bitmap`. */
export const DIRTY_PAGES: StructOf<'vfio_iommu_type1_dirty_bitmap'> = structOf(
  'vfio_iommu_type1_dirty_bitmap',
)
/** `struct vfio_iommu_type1_dirty_bitmap_get`, behind {@link DIRTY_PAGES}. */
export const DIRTY_PAGES_GET: StructOf<'vfio_iommu_type1_dirty_bitmap_get'> = structOf(
  'vfio_iommu_type1_dirty_bitmap_get',
)
/** Header of `struct vfio_device_bind_iommufd`; with TOKEN the address of a UUID follows. */
export const BIND_IOMMUFD: StructOf<'vfio_device_bind_iommufd'> = structOf('vfio_device_bind_iommufd')
/** `struct vfio_device_attach_iommufd_pt` without PASID. */
export const ATTACH_IOMMUFD_PT: StructOf<'vfio_device_attach_iommufd_pt'> = structOf(
  'vfio_device_attach_iommufd_pt',
)
/** `struct vfio_device_detach_iommufd_pt` without PASID. */
export const DETACH_IOMMUFD_PT: StructOf<'vfio_device_detach_iommufd_pt'> = structOf(
  'vfio_device_detach_iommufd_pt',
)
/** `struct iommu_destroy` */
export const IOMMU_DESTROY: StructOf<'iommu_destroy'> = structOf('iommu_destroy')
/** `struct iommu_ioas_alloc` */
export const IOAS_ALLOC: StructOf<'iommu_ioas_alloc'> = structOf('iommu_ioas_alloc')
/** `struct iommu_ioas_map` */
export const IOAS_MAP: StructOf<'iommu_ioas_map'> = structOf('iommu_ioas_map')
/** `struct iommu_ioas_unmap` */
export const IOAS_UNMAP: StructOf<'iommu_ioas_unmap'> = structOf('iommu_ioas_unmap')
/** Header of `struct vfio_device_feature`; the payload follows. */
export const DEVICE_FEATURE: StructOf<'vfio_device_feature'> = structOf('vfio_device_feature')
/** Payload of MIGRATION. */
export const MIG_FLAGS: StructOf<'vfio_device_feature_migration'> = structOf('vfio_device_feature_migration')
/** Payload of MIG_DEVICE_STATE. */
export const MIG_DEVICE_STATE: StructOf<'vfio_device_feature_mig_state'> = structOf(
  'vfio_device_feature_mig_state',
)
/** Payload of LOW_POWER_ENTRY_WITH_WAKEUP. */
export const LOW_POWER_WAKEUP: StructOf<'vfio_device_low_power_entry_with_wakeup'> = structOf(
  'vfio_device_low_power_entry_with_wakeup',
)
/** `struct vfio_precopy_info` */
export const PRECOPY_INFO: StructOf<'vfio_precopy_info'> = structOf('vfio_precopy_info')
/** Payload of MIG_DATA_SIZE. */
export const MIG_DATA_SIZE: StructOf<'vfio_device_feature_mig_data_size'> = structOf(
  'vfio_device_feature_mig_data_size',
)
/** Payload of DMA_LOGGING_START; `ranges` is user memory. */
export const DMA_LOG_CONTROL: StructOf<'vfio_device_feature_dma_logging_control'> = structOf(
  'vfio_device_feature_dma_logging_control',
)
/** One range of {@link DMA_LOG_CONTROL}. */
export const DMA_LOG_RANGE: StructOf<'vfio_device_feature_dma_logging_range'> = structOf(
  'vfio_device_feature_dma_logging_range',
)
/** Payload of DMA_LOGGING_REPORT; `bitmap` is user memory. */
export const DMA_LOG_REPORT: StructOf<'vfio_device_feature_dma_logging_report'> = structOf(
  'vfio_device_feature_dma_logging_report',
)
/** Payload of DMA_BUF; `nr_ranges` of {@link DMA_BUF_RANGE} follow. */
export const DMA_BUF_GET: StructOf<'vfio_device_feature_dma_buf'> = structOf('vfio_device_feature_dma_buf')
/** `struct vfio_region_dma_range` */
export const DMA_BUF_RANGE: StructOf<'vfio_region_dma_range'> = structOf('vfio_region_dma_range')
