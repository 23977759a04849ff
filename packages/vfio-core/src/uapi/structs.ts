/** Argument structs of the ioctls, field by field as in linux/vfio.h. */
import { Struct } from './struct.ts'

const groupStatus = { argsz: 'u32', flags: 'u32' } as const
/** `struct vfio_group_status` */
export const GROUP_STATUS: Struct<typeof groupStatus> = new Struct('vfio_group_status', groupStatus)

const deviceInfo = {
  argsz: 'u32',
  flags: 'u32',
  num_regions: 'u32',
  num_irqs: 'u32',
  cap_offset: 'u32',
} as const
/** `struct vfio_device_info`; the first four fields are the least a caller must offer. */
export const DEVICE_INFO: Struct<typeof deviceInfo> = new Struct('vfio_device_info', deviceInfo)
/** Least `argsz` of {@link DEVICE_INFO}. */
export const DEVICE_INFO_MIN_BYTES = 16

const regionInfo = {
  argsz: 'u32',
  flags: 'u32',
  index: 'u32',
  cap_offset: 'u32',
  size: 'u64',
  offset: 'u64',
} as const
/** `struct vfio_region_info` */
export const REGION_INFO: Struct<typeof regionInfo> = new Struct('vfio_region_info', regionInfo)

const irqInfo = { argsz: 'u32', flags: 'u32', index: 'u32', count: 'u32' } as const
/** `struct vfio_irq_info` */
export const IRQ_INFO: Struct<typeof irqInfo> = new Struct('vfio_irq_info', irqInfo)

const capHeader = { id: 'u16', version: 'u16', next: 'u32' } as const
/** `struct vfio_info_cap_header`: `next` counts from the start of the caller's struct. */
export const CAP_HEADER: Struct<typeof capHeader> = new Struct('vfio_info_cap_header', capHeader)

const regionType = { type: 'u32', subtype: 'u32' } as const
/** Behind the header of a TYPE capability. */
export const REGION_TYPE: Struct<typeof regionType> = new Struct('vfio_region_info_cap_type', regionType)

const sparseArea = { offset: 'u64', size: 'u64' } as const
/** `struct vfio_region_sparse_mmap_area` */
export const SPARSE_AREA: Struct<typeof sparseArea> = new Struct('vfio_region_sparse_mmap_area', sparseArea)

const hotResetInfo = { argsz: 'u32', flags: 'u32', count: 'u32' } as const
/** Header of `struct vfio_pci_hot_reset_info`; entries follow. */
export const HOT_RESET_INFO: Struct<typeof hotResetInfo> = new Struct('vfio_pci_hot_reset_info', hotResetInfo)

const dependentDevice = { group_id: 'u32', segment: 'u16', bus_devfn: 'u16' } as const
/** `struct vfio_pci_dependent_device`; bus is the low byte of `bus_devfn`, devfn the high one. */
export const DEPENDENT_DEVICE: Struct<typeof dependentDevice> = new Struct(
  'vfio_pci_dependent_device',
  dependentDevice,
)

const hotReset = { argsz: 'u32', flags: 'u32', count: 'u32' } as const
/** Header of `struct vfio_pci_hot_reset`; `count` group fds (s32) follow. */
export const HOT_RESET: Struct<typeof hotReset> = new Struct('vfio_pci_hot_reset', hotReset)

const fileDescriptor = { fd: 's32' } as const
/** A pointer to one fd, as `GROUP_SET_CONTAINER` takes it; an array of them in `HOT_RESET`. */
export const FILE_DESCRIPTOR: Struct<typeof fileDescriptor> = new Struct('int', fileDescriptor)
