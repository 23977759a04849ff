/** What exists while a device is open: its view of configuration space, its regions, how it is reset. */
import type { PciHardware } from '@vfiokit/hardware'
import { CAPABILITY_ID } from '@vfiokit/topology'
import { pagesOf, REGION_PAGES, type VfioDevice } from '@vfiokit/vfio-core'
import { BarRegisters } from './config/bar-registers.ts'
import { COMMAND, HEADER } from './config/register-permissions.ts'
import { capabilityOffset, VirtualConfig } from './config/virtual-config.ts'
import type { DeviceRegion } from './region/device-region.ts'

/** Where the MSI-X table lies: kernel and device use it, users may not through read and write. */
export interface MsixTable {
  readonly bar: number
  readonly offset: number
  readonly sizeBytes: number
}

const MSIX_ENTRY_BYTES = 16
/** BARs are region indexes 0 to 5. */
const BAR_COUNT = 6

/** One open device. */
export class OpenPciDevice {
  readonly config: VirtualConfig
  readonly barRegisters: BarRegisters
  readonly msixTable: MsixTable | undefined
  /** The virtual interrupt-disable bit, as far as the hardware was told. Kernel: `virq_disabled`. */
  #intxDisabled = false

  /**
   * @param resetWorks - Whether a function reset succeeded at open; without it the ioctl refuses.
   */
  constructor(
    readonly device: VfioDevice,
    readonly hardware: PciHardware,
    readonly regions: readonly DeviceRegion[],
    readonly resetWorks: boolean,
  ) {
    this.config = new VirtualConfig(hardware)
    this.barRegisters = new BarRegisters(hardware, this.config)
    this.msixTable = msixTable(hardware)
  }

  /** The virtual memory-enable bit: what decides, whatever the hardware's says. */
  get memoryBit(): boolean {
    return (this.config.copy(HEADER.COMMAND, 2) & COMMAND.MEMORY) !== 0
  }

  set memoryBit(on: boolean) {
    this.#setCommandBit(COMMAND.MEMORY, on)
  }

  /** A virtual function has no memory-enable bit of its own. Kernel: `no_command_memory`. */
  get ignoresMemoryBit(): boolean {
    return this.hardware.identity.physfn !== undefined
  }

  /** The virtual I/O-enable bit. */
  setVirtualIo(on: boolean): void {
    this.#setCommandBit(COMMAND.IO, on)
  }

  /**
   * Makes the hardware's interrupt-disable bit follow the virtual one, when that changed. Interrupts are
   * not delivered here, so nothing else has to happen. Kernel: `vfio_pci_intx_mask` and `_unmask`.
   */
  followIntxDisable(): void {
    const disabled = (this.config.copy(HEADER.COMMAND, 2) & COMMAND.INTX_DISABLE) !== 0
    if (disabled === this.#intxDisabled) return
    this.#intxDisabled = disabled
    const others = this.hardware.readConfig(HEADER.COMMAND, 2) & ~COMMAND.INTX_DISABLE
    this.hardware.writeConfig(HEADER.COMMAND, 2, others | (disabled ? COMMAND.INTX_DISABLE : 0))
  }

  /** Tells the device which pages go with its memory: BAR0-5, and regions backed by a BAR. */
  declareZapRanges(): void {
    const bars = { first: 0, last: BAR_COUNT * REGION_PAGES - 1 }
    const own = this.regions
      .filter(({ region }) => region.backing === 'bar')
      .map(({ index, sizeBytes }) => {
        const first = index * REGION_PAGES
        return { first, last: first + pagesOf(sizeBytes) - 1 }
      })
    this.device.zapWithMemory([bars, ...own])
  }

  #setCommandBit(bit: number, on: boolean): void {
    const command = this.config.copy(HEADER.COMMAND, 2)
    this.config.setCopy(HEADER.COMMAND, 2, on ? command | bit : command & ~bit)
  }
}

function msixTable(hardware: PciHardware): MsixTable | undefined {
  const at = capabilityOffset(hardware, CAPABILITY_ID.msiX)
  if (at === undefined) return undefined
  const entries = (hardware.readConfig(at + 2, 2) & 0x7ff) + 1
  const place = hardware.readConfig(at + 4, 4)
  return { bar: place & 7, offset: (place & ~7) >>> 0, sizeBytes: entries * MSIX_ENTRY_BYTES }
}
