/**
 * FunctionBoard: the inside of a function, as its device model sees it: registers to ask, a pin, messages and DMA.
 *
 *     setIntx              -> Status bit 3, and the wire unless COMMAND disables it
 *     sendMessage          -> MSI-X table or MSI registers -> a write of the message, if bus master
 *     read/writeMemory     -> the machine's DMA target, if bus master
 */
import { type BarIndex, type Bdf, CAPABILITY_ID, type PciFunction } from '@vfiokit/topology'
import type { ConfigRegisters } from './config-registers.ts'
import type { ModelBoard } from './device-model.ts'
import { IntxLine } from './intx-line.ts'
import type { MessageSource } from './message-source.ts'
import { MsiSource } from './msi.ts'
import { MsixSource } from './msix.ts'
import type { BarResource, MachineClock, PowerState } from './pci-hardware.ts'
import { COMMAND, COMMAND_MASTER } from './register-layout.ts'

/** What the machine does for a device on a board. */
export interface BoardSurroundings {
  readonly clock: MachineClock
  readMemory(requester: Bdf, iova: bigint, out: Uint8Array): boolean
  writeMemory(requester: Bdf, iova: bigint, data: Uint8Array): boolean
  /** A write of 32 bits that the device meant as an interrupt. */
  writeMessage(requester: Bdf, address: bigint, data: number): void
}

interface PowerSource {
  readonly powerState: PowerState
}

/** Bytes that a message capability needs to have inside the space. */
const MSI_BYTES = 10
const MSIX_BYTES = 12

export class FunctionBoard implements ModelBoard {
  readonly identity: PciFunction
  readonly resources: readonly BarResource[]
  readonly clock: MachineClock
  readonly intx: IntxLine
  /** MSI-X first: it wins when both are on. */
  readonly #sources: readonly MessageSource[]
  readonly #msix: MsixSource | undefined
  readonly #registers: ConfigRegisters
  readonly #surroundings: BoardSurroundings
  readonly #power: PowerSource

  constructor(
    identity: PciFunction,
    resources: readonly BarResource[],
    registers: ConfigRegisters,
    surroundings: BoardSurroundings,
    power: PowerSource,
  ) {
    this.identity = identity
    this.resources = resources
    this.clock = surroundings.clock
    this.intx = new IntxLine(registers)
    this.#registers = registers
    this.#surroundings = surroundings
    this.#power = power
    const send = (address: bigint, data: number): void => {
      if (this.busMaster) surroundings.writeMessage(identity.bdf, address, data)
    }
    const msix = this.#capability(CAPABILITY_ID.msiX, MSIX_BYTES)
    const msi = this.#capability(CAPABILITY_ID.msi, MSI_BYTES)
    this.#msix = msix === undefined ? undefined : new MsixSource(registers, msix, send)
    const sources: (MessageSource | undefined)[] = [
      this.#msix,
      msi === undefined ? undefined : new MsiSource(registers, msi, send),
    ]
    this.#sources = sources.filter((source) => source !== undefined)
  }

  /** In D0, and with its COMMAND bit. */
  get busMaster(): boolean {
    return this.powerState === 'D0' && (this.#registers.read(COMMAND, 2) & COMMAND_MASTER) !== 0
  }

  get powerState(): PowerState {
    return this.#power.powerState
  }

  setIntx(level: boolean): void {
    this.intx.level = level
  }

  get messageVectors(): number {
    return this.#sources.find(({ enabled }) => enabled)?.vectors ?? 0
  }

  sendMessage(vector: number): boolean {
    const source = this.#sources.find(({ enabled }) => enabled)
    if (source === undefined) return false
    if (!(Number.isInteger(vector) && vector >= 0 && vector < source.vectors))
      throw new RangeError(`${this.identity.bdf}: vector ${vector}: ${source.vectors} are enabled`)
    source.send(vector)
    return true
  }

  readMemory(iova: bigint, out: Uint8Array): boolean {
    return this.busMaster && this.#surroundings.readMemory(this.identity.bdf, iova, out)
  }

  writeMemory(iova: bigint, data: Uint8Array): boolean {
    return this.busMaster && this.#surroundings.writeMemory(this.identity.bdf, iova, data)
  }

  /** Offsets of the 32-bit registers whose change must be followed by {@link FunctionBoard.updateMessages}. */
  get watched(): readonly number[] {
    return this.#sources.flatMap(({ watched }) => watched)
  }

  /** Enabling messages takes the pin down: a function uses one or the other. */
  updateMessages(): void {
    if (this.messageVectors > 0) this.intx.level = false
    for (const source of this.#sources) source.update()
  }

  /** @returns false when the access is not to the MSI-X table or its pending bits. */
  readTable(bar: BarIndex | 'rom', offset: number, out: Uint8Array): boolean {
    return this.#msix?.read(bar, offset, out) ?? false
  }

  /** @returns as {@link FunctionBoard.readTable} */
  writeTable(bar: BarIndex, offset: number, data: Uint8Array): boolean {
    return this.#msix?.write(bar, offset, data) ?? false
  }

  /** FLR or bus reset. */
  reset(): void {
    this.intx.level = false
    this.#msix?.reset()
  }

  #capability(id: number, lengthBytes: number): number | undefined {
    const capability = this.identity.capabilities.find((entry) => entry.id === id && !entry.extended)
    if (capability === undefined) return undefined
    return capability.offset + lengthBytes > this.#registers.sizeBytes ? undefined : capability.offset
  }
}
