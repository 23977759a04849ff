/** What exists while a device is open: its view of configuration space, its regions, how it is reset. */
import type { BarResource, InterruptController, PciHardware, PciMachine } from '@vfiokit/hardware'
import type { Mutex } from '@vfiokit/locking'
import { CAPABILITY_ID } from '@vfiokit/topology'
import { type KernelProfile, PCI_REGION, pagesOf, REGION_PAGES, type VfioDevice } from '@vfiokit/vfio-core'
import { BarRegisters } from './config/bar-registers.ts'
import type { CapabilityTable } from './config/capability-handler.ts'
import { COMMAND, HEADER } from './config/register-permissions.ts'
import { capabilityOffset, VirtualConfig } from './config/virtual-config.ts'
import { DeviceInterrupts } from './irq/device-interrupts.ts'
import { type PinUse, pinUse } from './irq/interrupt-pin.ts'
import { IoEventfds } from './irq/io-eventfds.ts'
import { disablePin } from './irq/message-registers.ts'
import type { DevicePower } from './power/device-power.ts'
import type { DeviceRegion } from './region/device-region.ts'
import type { DeviceLocks } from './reset/device-locks.ts'
import type { OpenVariant } from './variant/open-variant.ts'

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
  /** Of the host, by physical address. */
  readonly memory: PciMachine['memory']
  /** Whether a function reset succeeded at open; without it the ioctl refuses. */
  readonly resetWorks: boolean
  /** How capabilities are shown. */
  readonly capabilities: CapabilityTable
  readonly power: DevicePower
  readonly locks: DeviceLocks
  readonly profile: KernelProfile
  readonly interruptController: InterruptController
  /** Module option: interrupt pins are masked at the controller only. */
  readonly nointxmask: boolean
  /** Kernel: `igate`, `ioeventfds_lock`. They outlive the open device. */
  readonly igate: Mutex
  readonly ioeventfdsLock: Mutex
}

/** What plugins add to an open device. */
export interface Extension {
  /** Device-specific ones, in the order of their indexes. */
  readonly regions: readonly DeviceRegion[]
  readonly variant: OpenVariant | undefined
  /** Providers that match the function and opened no region. */
  readonly idle: readonly string[]
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
  readonly interrupts: DeviceInterrupts
  readonly ioeventfds: IoEventfds
  readonly interruptController: InterruptController
  readonly msi: MsiAllowance = { isActive: false, vectorsLog2: 0 }
  readonly device: VfioDevice
  readonly hardware: PciHardware
  readonly memory: PciMachine['memory']
  readonly resetWorks: boolean
  readonly power: DevicePower
  readonly locks: DeviceLocks
  readonly profile: KernelProfile
  readonly pin: PinUse
  #regions: readonly DeviceRegion[] = []
  #variant: OpenVariant | undefined
  #idle: readonly string[] = []
  #resources: readonly BarResource[]

  constructor(init: OpenPciDeviceInit) {
    const { hardware, profile } = init
    this.device = init.device
    this.hardware = hardware
    this.memory = init.memory
    this.#resources = init.hardware.resources
    this.resetWorks = init.resetWorks
    this.power = init.power
    this.locks = init.locks
    this.profile = profile
    this.interruptController = init.interruptController
    this.pin = pinUse(hardware, init.nointxmask)
    // First: whoever reads configuration space below finds the pin as it was set up here.
    this.interrupts = new DeviceInterrupts(this, init.igate)
    this.ioeventfds = new IoEventfds(this, init.ioeventfdsLock)
    this.config = new VirtualConfig(hardware, profile, init.capabilities)
    if (this.pin === 'unused') this.config.setCopy(HEADER.INTERRUPT_PIN, 1, 0)
    this.barRegisters = new BarRegisters(hardware, this.config)
    this.msixTable = msixTable(hardware)
  }

  /** What plugins add, once and right after it was made. */
  extend({ regions, variant, idle }: Extension): void {
    this.#regions = regions
    this.#variant = variant
    this.#idle = idle
    if (variant === undefined) return
    this.barRegisters.replace(variant.registers)
    this.#resources = this.hardware.resources.flatMap((resource) => {
      const index = resource.bar as number
      if (variant.bars.has(index)) return []
      const visible = variant.cuts.get(index) ?? resource.sizeBytes
      return [{ ...resource, sizeBytes: Math.min(visible, resource.sizeBytes) }]
    })
  }

  /** Device-specific regions, from index 9 on. */
  get regions(): readonly DeviceRegion[] {
    return this.#regions
  }

  /** Providers that match the function and opened no region. */
  get idleProviders(): readonly string[] {
    return this.#idle
  }

  get variant(): OpenVariant | undefined {
    return this.#variant
  }

  /** The BARs as users see them, but for those that a plugin answers for. */
  get resources(): readonly BarResource[] {
    return this.#resources
  }

  /** What plugins answer for: BARs, then device-specific regions. */
  get pluginRegions(): readonly DeviceRegion[] {
    return [...(this.#variant?.bars.values() ?? []), ...this.#regions]
  }

  /** The region of that index, if a plugin answers for it. */
  regionAt(index: number): DeviceRegion | undefined {
    const own = index - PCI_REGION.FIRST_DEVICE_SPECIFIC
    // Not both in turn: an array that is asked for what is in front of it answers ten times as slowly.
    return own < 0 ? this.#variant?.bars.get(index) : this.#regions[own]
  }

  /** Tells plugins that a reset begins. */
  resetPrepare(): void {
    for (const plugin of this.#resettable()) plugin.resetPrepare()
  }

  /** Tells plugins that the device is back. */
  resetDone(): void {
    for (const plugin of this.#resettable()) plugin.resetDone()
  }

  /** Tells plugins that the device is closed. */
  closePlugins(): void {
    for (const plugin of this.#resettable()) plugin.close()
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

  /** The virtual interrupt-disable bit. */
  get wantsNoIntx(): boolean {
    return (this.config.copy(HEADER.COMMAND, 2) & COMMAND.INTX_DISABLE) !== 0
  }

  /** Puts back what a reset that vfio did not do has taken away. Kernel: `vfio_bar_restore`. */
  restoreRegisters(): void {
    if (this.hardware.identity.physfn !== undefined) return
    this.barRegisters.restore()
    if (this.pin === 'unused') disablePin(this.hardware, true)
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

  #resettable(): readonly (DeviceRegion | OpenVariant)[] {
    const { regions, variant } = this
    return variant === undefined ? regions : [...regions, ...variant.bars.values(), variant]
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
