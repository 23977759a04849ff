/**
 * The registers that messages are programmed into: those of the MSI capability, or the MSI-X capability
 * and its table in a BAR.
 *
 * The host writes them; users see the enable bit of MSI-X and nothing else of it. Kernel:
 * `drivers/pci/msi/msi.c`.
 */
import type { InterruptMessage, PciHardware } from '@vfiokit/hardware'
import type { BarIndex } from '@vfiokit/topology'
import { MSI } from '../config/capability-permissions.ts'
import { COMMAND, HEADER } from '../config/register-permissions.ts'
import type { MsixTable } from '../open-pci-device.ts'

/** What becomes of one vector's message. `undefined`: nobody is to get it. */
type Message = InterruptMessage | undefined

/** Registers of one kind of message. */
export interface MessageRegisters {
  /** Turns messages on, every vector masked. @param count - Vectors that are allocated. */
  enable(count: number): void
  /** Turns messages off and leaves the registers as the kernel does. */
  disable(): void
  /** Programs a vector. With MSI all vectors share the registers, and the message is that of the first. */
  program(vector: number, message: Message): void
  mask(vector: number, masked: boolean): void
}

const MSIX_FLAGS = 2
const MSIX_ENABLE = 0x8000
const MSIX_FUNCTION_MASK = 0x4000
const ENTRY = { BYTES: 16, ADDRESS: 0, ADDRESS_HIGH: 4, DATA: 8, CONTROL: 12, MASKED: 1 } as const

/** Writes COMMAND's interrupt-disable bit. Kernel: `pci_intx`. */
export function disablePin(hardware: PciHardware, on: boolean): void {
  const found = hardware.readConfig(HEADER.COMMAND, 2)
  const wanted = on ? found | COMMAND.INTX_DISABLE : found & ~COMMAND.INTX_DISABLE
  if (wanted !== found) hardware.writeConfig(HEADER.COMMAND, 2, wanted)
}

/** The MSI capability. */
export class MsiRegisters implements MessageRegisters {
  readonly #hardware: PciHardware
  readonly #start: number
  readonly #data: number
  /** Undefined: vectors cannot be masked one by one. */
  readonly #mask: number | undefined

  constructor(hardware: PciHardware, start: number) {
    this.#hardware = hardware
    this.#start = start
    const flags = hardware.readConfig(start + MSI.FLAGS, 2)
    const isWide = (flags & MSI.WIDE) !== 0
    this.#data = start + (isWide ? 12 : 8)
    this.#mask = (flags & MSI.MASKABLE) === 0 ? undefined : start + (isWide ? 16 : 12)
  }

  enable(count: number): void {
    if (this.#mask !== undefined) this.#hardware.writeConfig(this.#mask, 4, this.#everyVector())
    const size = Math.ceil(Math.log2(count)) << MSI.QUEUE_SHIFT
    this.#setFlags(MSI.ENABLE | MSI.QUEUE_SIZE, MSI.ENABLE | size)
  }

  disable(): void {
    this.#setFlags(MSI.ENABLE, 0)
    if (this.#mask !== undefined) this.#hardware.writeConfig(this.#mask, 4, 0)
  }

  program(vector: number, message: Message): void {
    if (vector !== 0) return
    const { address = 0n, data = 0 } = message ?? {}
    this.#hardware.writeConfig(this.#start + 4, 4, Number(address & 0xffff_ffffn))
    if (this.#data !== this.#start + 8) this.#hardware.writeConfig(this.#start + 8, 4, Number(address >> 32n))
    this.#hardware.writeConfig(this.#data, 2, data)
  }

  mask(vector: number, masked: boolean): void {
    if (this.#mask === undefined) return
    const found = this.#hardware.readConfig(this.#mask, 4)
    const bit = 2 ** vector
    const others = (found & ~bit) >>> 0
    this.#hardware.writeConfig(this.#mask, 4, masked ? others + bit : others)
  }

  /** As many bits as the device could have vectors. */
  #everyVector(): number {
    const capable = (this.#hardware.readConfig(this.#start + MSI.FLAGS, 2) >> 1) & 7
    return 2 ** (2 ** Math.min(capable, 5)) - 1
  }

  #setFlags(mask: number, bits: number): void {
    const found = this.#hardware.readConfig(this.#start + MSI.FLAGS, 2)
    this.#hardware.writeConfig(this.#start + MSI.FLAGS, 2, (found & ~mask) | bits)
  }
}

/** The MSI-X capability and its table. */
export class MsixRegisters implements MessageRegisters {
  readonly #hardware: PciHardware
  readonly #flags: number
  readonly #table: MsixTable
  readonly #entries: number

  constructor(hardware: PciHardware, start: number, table: MsixTable) {
    this.#hardware = hardware
    this.#flags = start + MSIX_FLAGS
    this.#table = table
    this.#entries = table.sizeBytes / ENTRY.BYTES
  }

  enable(): void {
    this.#setFlags(MSIX_ENABLE | MSIX_FUNCTION_MASK, MSIX_ENABLE | MSIX_FUNCTION_MASK)
    for (let entry = 0; entry < this.#entries; entry++) this.#write(entry, ENTRY.CONTROL, ENTRY.MASKED)
    this.#setFlags(MSIX_FUNCTION_MASK, 0)
  }

  disable(): void {
    for (let entry = 0; entry < this.#entries; entry++) this.mask(entry, true)
    this.#setFlags(MSIX_ENABLE, 0)
  }

  program(vector: number, message: Message): void {
    const { address = 0n, data = 0 } = message ?? {}
    this.#write(vector, ENTRY.ADDRESS, Number(address & 0xffff_ffffn))
    this.#write(vector, ENTRY.ADDRESS_HIGH, Number(address >> 32n))
    this.#write(vector, ENTRY.DATA, data)
  }

  mask(vector: number, masked: boolean): void {
    this.#write(vector, ENTRY.CONTROL, masked ? ENTRY.MASKED : 0)
  }

  #write(entry: number, register: number, value: number): void {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, value, true)
    const offset = this.#table.offset + entry * ENTRY.BYTES + register
    this.#hardware.writeBar(this.#table.bar as BarIndex, offset, bytes)
  }

  #setFlags(mask: number, bits: number): void {
    const found = this.#hardware.readConfig(this.#flags, 2)
    this.#hardware.writeConfig(this.#flags, 2, (found & ~mask) | bits)
  }
}
