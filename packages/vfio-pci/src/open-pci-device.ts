/** What exists while a device is open: its view of configuration space, its regions, how it is reset. */
import type { InterruptController, PciHardware } from '@vfiokit/hardware'
import type { Mutex } from '@vfiokit/locking'
import { CAPABILITY_ID } from '@vfiokit/topology'
import { type KernelProfile, pagesOf, REGION_PAGES, type VfioDevice } from '@vfiokit/vfio-core'
import { BarRegisters } from './config/bar-registers.ts'
import { COMMAND, HEADER } from './config/register-permissions.ts'
import { capabilityOffset, VirtualConfig } from './config/virtual-config.ts'
import { Interrupts } from './irq/interrupts.ts'
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

/** What makes an open device. */
export interface OpenPciDeviceInit {
  readonly device: VfioDevice
  readonly hardware: PciHardware
  readonly regions: readonly DeviceRegion[]
  /** Whether a function reset succeeded at open; without it the ioctl refuses. */
  readonly resetWorks: boolean
  readonly controller: InterruptController
  readonly profile: KernelProfile
  /** Held by whoever changes interrupts; outside the memory lock. */
  readonly igate: Mutex
}

/** How far a user may change the MSI flags. Whoever enables and disables interrupts keeps it true. */
export interface MsiAllowance {
  /** MSI is the kind of interrupt that is enabled now. */
  isActive: boolean
  /** Of the vectors that were enabled last, rounded up; stays when they are disabled. Kernel: `msi_qmax`. */
  vectorsLog2: number
}

/** One open device. */
export class OpenPciDevice {
  readonly config: VirtualConfig
  readonly barRegisters: BarRegisters
  readonly msixTable: MsixTable | undefined
  readonly interrupts: Interrupts
  readonly device: VfioDevice
  readonly hardware: PciHardware
  readonly regions: readonly DeviceRegion[]
  /** Whether a function reset succeeded at open; without it the ioctl refuses. */
  readonly resetWorks: boolean

  readonly profile: KernelProfile
  readonly msi: MsiAllowance = { isActive: false, vectorsLog2: 0 }

  constructor(init: OpenPciDeviceInit) {
    const { device, hardware, regions, resetWorks, controller, profile, igate } = init
    this.device = device
    this.hardware = hardware
    this.regions = regions
    this.resetWorks = resetWorks
    this.profile = profile
    this.config = new VirtualConfig(hardware, profile)
    this.barRegisters = new BarRegisters(hardware, this.config)
    this.msixTable = msixTable(hardware)
    this.interrupts = new Interrupts({ open: this, controller, profile, lock: igate })
  }

  /** The user's interrupt-disable bit. */
  get intxDisabled(): boolean {
    return (this.config.copy(HEADER.COMMAND, 2) & COMMAND.INTX_DISABLE) !== 0
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
