/** What a machine without an IOMMU domain has for DMA: nothing is mapped, so every access is a fault. */
import type { DmaTarget } from './pci-hardware.ts'

export const NOTHING_MAPPED: DmaTarget = Object.freeze({ read: () => false, write: () => false })
