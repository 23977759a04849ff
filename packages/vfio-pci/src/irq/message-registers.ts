/**
 * Where messages are programmed: the MSI capability, or the MSI-X table in a BAR.
 *
 * Kernel: `drivers/pci/msi`. A function that sends messages has its INTx line disabled.
 */
import type { InterruptMessage, PciHardware } from '@vfiokit/hardware'
import type { BarIndex } from '@vfiokit/topology'
import { MSI } from '../config/capability-permissions.ts'
import { COMMAND, HEADER } from '../config/register-permissions.ts'
import type { MsixTable } from '../open-pci-device.ts'

/** The registers of one kind of message. Memory is on while they are touched. */
export interface MessageRegisters {
  /** Turns messages on, all masked, with room for `vectors`. */
  enable(vectors: number): void
  /** Gives a vector its message; it stays masked. */
  program(vector: number, message: InterruptMessage): void
  setMasked(vector: number, masked: boolean): void
  /** Takes the message of a vector away, and masks it. */
  clear(vector: number): void
  disable(): void
}

const ENABLE_MSIX = 0x8000
const MASK_ALL_MSIX = 0x4000
const CONTROL = 2
const ENTRY = { BYTES: 16, DATA: 8, CONTROL: 12, MASKED: 1 } as const
const MSI_FLAGS = { ADDRESS_64: 0x80, MASKABLE: 0x100, SIZE_SHIFT: 4 } as const

/** Registers of MSI: one address, consecutive data. */
export class MsiRegisters implements MessageRegisters {
  readonly #hardware: PciHardware
  readonly #start: number
  readonly #is64: boolean
  readonly #maskRegister: number | undefined

  constructor(hardware: PciHardware, start: number) {
    this.#hardware = hardware
    this.#start = start
    const flags = hardware.readConfig(start + CONTROL, 2)
    this.#is64 = (flags & MSI_FLAGS.ADDRESS_64) !== 0
    const maskOffset = this.#is64 ? 16 : 12
    this.#maskRegister = (flags & MSI_FLAGS.MASKABLE) === 0 ? undefined : start + maskOffset
  }

  enable(vectors: number): void {
    if (this.#maskRegister !== undefined) this.#hardware.writeConfig(this.#maskRegister, 4, maskOf(vectors))
    const size = Math.ceil(Math.log2(vectors)) << MSI_FLAGS.SIZE_SHIFT
    this.#setFlags(MSI.ENABLE | size)
  }

  program(vector: number, { address, data }: InterruptMessage): void {
    if (vector !== 0) return
    this.#hardware.writeConfig(this.#start + 4, 4, Number(address & 0xffff_ffffn))
    if (this.#is64) this.#hardware.writeConfig(this.#start + 8, 4, Number(address >> 32n))
    this.#hardware.writeConfig(this.#start + (this.#is64 ? 12 : 8), 2, data)
  }

  setMasked(vector: number, masked: boolean): void {
    if (this.#maskRegister === undefined) return
    const bits = this.#hardware.readConfig(this.#maskRegister, 4)
    const bit = 2 ** vector
    const others = bits - (Math.floor(bits / bit) % 2) * bit
    this.#hardware.writeConfig(this.#maskRegister, 4, masked ? others + bit : others)
  }

  clear(vector: number): void {
    this.setMasked(vector, true)
  }

  disable(): void {
    this.#setFlags(0)
    if (this.#maskRegister !== undefined) this.#hardware.writeConfig(this.#maskRegister, 4, 0)
  }

  #setFlags(bits: number): void {
    const others = this.#hardware.readConfig(this.#start + CONTROL, 2) & ~(MSI.ENABLE | MSI.QUEUE_SIZE)
    this.#hardware.writeConfig(this.#start + CONTROL, 2, others | bits)
    setLineDisabled(this.#hardware, bits !== 0)
  }
}

/** Registers of MSI-X: a table entry per vector. */
export class MsixRegisters implements MessageRegisters {
  readonly #hardware: PciHardware
  readonly #start: number
  readonly #table: MsixTable

  constructor(hardware: PciHardware, start: number, table: MsixTable) {
    this.#hardware = hardware
    this.#start = start
    this.#table = table
  }

  enable(): void {
    this.#setControl(ENABLE_MSIX | MASK_ALL_MSIX)
    for (let vector = 0; vector < this.#entries; vector++) this.setMasked(vector, true)
    this.#setControl(ENABLE_MSIX)
    setLineDisabled(this.#hardware, true)
  }

  program(vector: number, { address, data }: InterruptMessage): void {
    this.#write(vector, 0, Number(address & 0xffff_ffffn))
    this.#write(vector, 4, Number(address >> 32n))
    this.#write(vector, ENTRY.DATA, data)
  }

  setMasked(vector: number, masked: boolean): void {
    const control = this.#read(vector, ENTRY.CONTROL)
    this.#write(vector, ENTRY.CONTROL, masked ? control | ENTRY.MASKED : control & ~ENTRY.MASKED)
  }

  clear(vector: number): void {
    for (const word of [0, 4, ENTRY.DATA]) this.#write(vector, word, 0)
    this.setMasked(vector, true)
  }

  disable(): void {
    for (let vector = 0; vector < this.#entries; vector++) this.setMasked(vector, true)
    this.#setControl(0)
    setLineDisabled(this.#hardware, false)
  }

  get #entries(): number {
    return this.#table.sizeBytes / ENTRY.BYTES
  }

  #setControl(bits: number): void {
    const others = this.#hardware.readConfig(this.#start + CONTROL, 2) & ~(ENABLE_MSIX | MASK_ALL_MSIX)
    this.#hardware.writeConfig(this.#start + CONTROL, 2, others | bits)
  }

  #read(vector: number, word: number): number {
    const bytes = new Uint8Array(4)
    this.#hardware.readBar(this.#table.bar as BarIndex, this.#at(vector, word), bytes)
    return new DataView(bytes.buffer).getUint32(0, true)
  }

  #write(vector: number, word: number, value: number): void {
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, value, true)
    this.#hardware.writeBar(this.#table.bar as BarIndex, this.#at(vector, word), bytes)
  }

  #at(vector: number, word: number): number {
    return this.#table.offset + vector * ENTRY.BYTES + word
  }
}

/** Every vector masked. */
function maskOf(vectors: number): number {
  return 2 ** vectors - 1
}

/** Messages and the line exclude each other. Kernel: `pci_intx_for_msi`. */
function setLineDisabled(hardware: PciHardware, disabled: boolean): void {
  const others = hardware.readConfig(HEADER.COMMAND, 2) & ~COMMAND.INTX_DISABLE
  hardware.writeConfig(HEADER.COMMAND, 2, others | (disabled ? COMMAND.INTX_DISABLE : 0))
}
