/** Every number, flag and struct of linux/vfio.h that the packages use, as data. */
export { chainBytes, type InfoCapability, readChain, writeChain } from './capability-chain.ts'
export {
  DEVICE_FLAGS,
  GROUP_FLAGS,
  IOMMU_TYPE,
  IRQ_FLAGS,
  PCI_IRQ,
  PCI_REGION,
  REGION_CAPS,
  REGION_FLAGS,
  REGION_TYPE_PCI_VENDOR,
} from './flags.ts'
export { API_VERSION, CONTAINER_IOCTL, DEVICE_IOCTL, GROUP_IOCTL } from './ioctl.ts'
export { type Fields, type FieldType, type FieldValue, Struct, type StructValue } from './struct.ts'
export {
  CAP_HEADER,
  DEPENDENT_DEVICE,
  DEVICE_INFO,
  DEVICE_INFO_MIN_BYTES,
  FILE_DESCRIPTOR,
  GROUP_STATUS,
  HOT_RESET,
  HOT_RESET_INFO,
  IRQ_INFO,
  REGION_INFO,
  REGION_TYPE,
  SPARSE_AREA,
  STRUCT_FIELDS,
  type StructName,
  type StructOf,
} from './structs.ts'
