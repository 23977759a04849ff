/** What differs between kernels for a topology: one row per kernel. */
export type KernelName = '5.10' | '6.1' | '6.12' | '7.2'

export interface KernelProfile {
  /** The firmware's _RST is one of the reset methods. */
  readonly hasAcpiReset: boolean
  /** `absent`: no such method. `listed`: `bus` is listed although a CXL port masks it. `hidden`: it is not. */
  readonly cxlReset: 'absent' | 'listed' | 'hidden'
  /** pciehp registers its slot for all devices of the bus, not for device 0 only. */
  readonly slotCoversBus: boolean
}

export const KERNEL_PROFILES: Readonly<Record<KernelName, KernelProfile>> = {
  '5.10': { hasAcpiReset: false, cxlReset: 'absent', slotCoversBus: false },
  '6.1': { hasAcpiReset: true, cxlReset: 'absent', slotCoversBus: false },
  '6.12': { hasAcpiReset: true, cxlReset: 'listed', slotCoversBus: false },
  '7.2': { hasAcpiReset: true, cxlReset: 'hidden', slotCoversBus: true },
}

export const DEFAULT_KERNEL: KernelName = '7.2'
