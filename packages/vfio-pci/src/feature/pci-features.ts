/** The features of a PCI function, by index. Kernel: `vfio_pci_core_ioctl_feature`. */
import { type DeviceFeature, FEATURE } from '@vfiokit/vfio-core'
import type { VfioPciDevice } from '../vfio-pci-device.ts'
import { dmaBufFeature } from './dma-buf-feature.ts'
import { lowPowerEntry, lowPowerEntryWithWakeup, lowPowerExit } from './low-power-features.ts'
import { vfTokenFeature } from './vf-token-feature.ts'

/** What makes a feature for one function; undefined when that function does not have it. */
export type PciFeature = (driver: VfioPciDevice) => DeviceFeature | undefined

/** Whether a kernel knows an index is the core's business; this is whether a function has it. */
export const PCI_FEATURES: ReadonlyMap<number, PciFeature> = new Map<number, PciFeature>([
  [FEATURE.PCI_VF_TOKEN, vfTokenFeature],
  [FEATURE.LOW_POWER_ENTRY, lowPowerEntry],
  [FEATURE.LOW_POWER_ENTRY_WITH_WAKEUP, lowPowerEntryWithWakeup],
  [FEATURE.LOW_POWER_EXIT, lowPowerExit],
  [FEATURE.DMA_BUF, dmaBufFeature],
])
