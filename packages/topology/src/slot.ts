/** Slot: a place where a card can be plugged in, as a hot-plug driver or firmware names it. */
import { Bdf } from './bdf.ts'
import type { KernelProfile } from './kernel-profile.ts'
import type { PciFunction } from './pci-function.ts'

export interface Slot {
  /** Unique in a topology. */
  readonly name: string
  readonly domain: number
  readonly bus: number
  /** undefined: the whole bus (a placeholder, printed without a device number). */
  readonly device: number | undefined
  /** The driver that registered it, when known. */
  readonly driver: string | undefined
  /** Whether that driver can reset the slot: pciehp, pnv_php and s390's can. */
  readonly resettable: boolean
  /** In BDF order; a slot of pciehp holds every device of its bus. */
  readonly functions: readonly PciFunction[]
}

export interface SlotInput {
  readonly name: string
  readonly domain: number
  readonly bus: number
  readonly device?: number | undefined
  /** When left out, a slot below a hot-plug capable PCI Express port is taken as pciehp's. */
  readonly driver?: string | undefined
}

/** Hot-plug drivers with a reset operation in their slot operations. */
export const RESETTING_SLOT_DRIVERS: ReadonlySet<string> = new Set(['pciehp', 'pnv_php', 's390_pci_hpc'])

/**
 * Whether a kernel sees that function in the slot: older ones register a slot of pciehp for device 0 alone, which
 * leaves out ARI functions from 8 on and virtual functions.
 */
export function slotHolds(slot: Slot, bdf: Bdf, profile: KernelProfile): boolean {
  return profile.slotCoversBus || slot.device === undefined || slot.device === Bdf.parts(bdf).device
}
