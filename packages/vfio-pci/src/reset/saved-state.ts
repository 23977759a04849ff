/**
 * What is saved before a reset and written back after it: the header and the PCIe control registers.
 *
 * Registers of the device's own are lost. Kernel: `pci_save_state`, `pci_restore_state`.
 */
import type { PciHardware } from '@vfiokit/hardware'
import { CAPABILITY_ID } from '@vfiokit/topology'
import { COMMAND, HEADER } from '../config/register-permissions.ts'
import { capabilityOffset } from '../config/virtual-config.ts'

const HEADER_DWORDS = 16
/** DevCtl, LnkCtl, DevCtl2, LnkCtl2, from the start of the capability. */
const PCIE_CONTROLS: readonly number[] = [0x08, 0x10, 0x28, 0x30]

/** The saved registers of one function. */
export class SavedState {
  readonly #registers: readonly {
    readonly offset: number
    readonly widthBytes: 2 | 4
    readonly value: number
  }[]

  constructor(readonly hardware: PciHardware) {
    const save = (offset: number, widthBytes: 2 | 4) => ({
      offset,
      widthBytes,
      value: hardware.readConfig(offset, widthBytes),
    })
    const exp = capabilityOffset(hardware, CAPABILITY_ID.pciExpress)
    const controls = exp === undefined ? [] : PCIE_CONTROLS.map((control) => save(exp + control, 2))
    // From the end of the header to its beginning: BARs are in place before COMMAND turns decoding on.
    const header = Array.from({ length: HEADER_DWORDS }, (_, at) => save(4 * (HEADER_DWORDS - 1 - at), 4))
    this.#registers = [...controls, ...header]
  }

  /** Registers that still hold what was saved are not written. Kernel: `pci_restore_config_dword`. */
  restore(): void {
    const { hardware } = this
    for (const { offset, widthBytes, value } of this.#registers)
      if (hardware.readConfig(offset, widthBytes) !== value) hardware.writeConfig(offset, widthBytes, value)
  }
}

/** Turns decoding and DMA off around a reset. Kernel: `pci_dev_save_and_disable`. */
export function disableDecoding(hardware: PciHardware): void {
  hardware.writeConfig(HEADER.COMMAND, 2, COMMAND.INTX_DISABLE)
}
