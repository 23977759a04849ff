/** The features of a PCI function, by index. Kernel: `vfio_pci_core_ioctl_feature`. */
import { type DeviceFeature, FEATURE } from '@vfiokit/vfio-core'
import type { VfioPciDevice } from '../vfio-pci-device.ts'
import { dmaBufFeature } from './dma-buf-feature.ts'

/** What makes a feature for one function; undefined when that function does not have it. */
export type PciFeature = (driver: VfioPciDevice) => DeviceFeature | undefined

/** Whether a kernel knows an index is the core's business; this is whether a function has it. */
export const PCI_FEATURES: ReadonlyMap<number, PciFeature> = new Map<number, PciFeature>([
  [FEATURE.DMA_BUF, dmaBufFeature],
])
