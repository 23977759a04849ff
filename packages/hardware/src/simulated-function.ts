/**
 * SimulatedFunction: one PCI function as hardware. Its registers, what writing them sets in motion, its BARs and
 * what a reset of it does.
 *
 *     writeConfig -> registers (masks) -> triggers: decode, power, FLR, AF FLR, secondary bus reset
 *     readBar     -> decode gate -> device model
 *     reset       -> table of reset methods -> registers, device model
 */
import {
  type BarIndex,
  type Bdf,
  CAPABILITY_ID,
  type Diagnostic,
  type PciFunction,
  type ResetMethod,
  type Topology,
} from '@vfiokit/topology'
import { BarDecoder } from './bar-decoder.ts'
import { barResources } from './bar-resource.ts'
import { configImage } from './config-image.ts'
import { ConfigRegisters } from './config-registers.ts'
import { type DeviceModel, type DeviceModelFactory, type ResetEvent, StorageModel } from './device-model.ts'
import { type BoardSurroundings, FunctionBoard } from './function-board.ts'
import type { FunctionProfile } from './function-profile.ts'
import type {
  BarResource,
  ConfigWidth,
  FunctionInterrupts,
  PciHardware,
  PowerState,
  ResetOutcome,
  SpecificResets,
} from './pci-hardware.ts'
import { BRIDGE_CONTROL, BRIDGE_CONTROL_BUS_RESET, COMMAND } from './register-layout.ts'
import { RESET_EFFECTS, ResetMethods } from './reset-methods.ts'
import { checkVgaAccess } from './vga-window.ts'
import { writeMasks } from './write-masks.ts'

/** What a function needs of the machine around it. */
export interface Surroundings extends BoardSurroundings {
  readonly topology: Topology
  readonly specificReset: SpecificResets
  secondaryBusReset(bridge: Bdf): void
  /** The physical function `pf` was reset. */
  physicalFunctionReset(pf: Bdf): void
}

/** Something that a write to a register sets in motion. */
interface Trigger {
  readonly offset: number
  readonly widthBytes: ConfigWidth
  /** `written`: the bits that landed on the register, 0 where the access did not reach. `before`: what it held. */
  readonly fire: (written: number, before: number) => void
}

const POWER_STATES: readonly PowerState[] = ['D0', 'D1', 'D2', 'D3hot']
const POWER_STATE_BITS = 3
/** Bits of the PM capabilities register that say that D1 and D2 exist; D0 and D3hot always do. */
const PMC_SUPPORTS: readonly number[] = [0, 0x0200, 0x0400, 0]
const NO_SOFT_RESET = 0x8
const DEVICE_CONTROL_FLR = 0x8000
const SLOT_COMMAND_COMPLETED = 0x0010
const SLOT_NO_COMMAND_COMPLETED = 0x0004_0000

export class SimulatedFunction implements PciHardware {
  readonly bdf: Bdf
  readonly identity: PciFunction
  readonly configSizeBytes: 256 | 4096
  readonly resources: readonly BarResource[]
  /** What had to be assumed for want of data. */
  readonly diagnostics: readonly Diagnostic[]
  readonly model: DeviceModel
  readonly #registers: ConfigRegisters
  readonly #surroundings: Surroundings
  readonly #board: FunctionBoard
  readonly #decoder: BarDecoder
  readonly #triggers: readonly Trigger[]
  readonly #resetMethods: ResetMethods
  readonly #specificReset: ReturnType<SpecificResets>
  readonly #powerRegister: number | undefined
  /** Ones, but for what was measured to give zeros: virtual functions with memory off, and what a profile says. */
  readonly silentMemory: 0 | 0xff

  /** @throws RangeError when the profile is not hexadecimal text; the message names the function. */
  constructor(
    identity: PciFunction,
    surroundings: Surroundings,
    profile?: FunctionProfile,
    models: readonly DeviceModelFactory[] = [],
  ) {
    this.bdf = identity.bdf
    this.identity = identity
    this.#surroundings = surroundings
    const { resources, diagnostics } = barResources(identity, profile)
    this.resources = resources
    this.#registers = registersOf(identity, resources, surroundings.topology, profile)
    this.configSizeBytes = this.#registers.sizeBytes === 4096 ? 4096 : 256
    this.#specificReset = surroundings.specificReset(identity)
    this.#resetMethods = new ResetMethods(identity, surroundings.topology, this.#specificReset !== undefined)
    this.diagnostics = Object.freeze([...diagnostics, ...this.#resetMethods.diagnostics])
    this.#powerRegister = this.#capabilityRegister(CAPABILITY_ID.powerManagement, 4)
    const zeros = identity.physfn !== undefined || profile?.silentMemory === 'zeros'
    this.silentMemory = zeros ? 0 : 0xff
    this.#decoder = new BarDecoder(identity, resources, this.#registers)
    this.#board = new FunctionBoard(identity, resources, this.#registers, surroundings, this)
    this.#triggers = this.#makeTriggers()
    this.model = this.#chooseModel(models, profile)
    this.#updateDecode()
  }

  get powerState(): PowerState {
    if (this.#powerRegister === undefined) return 'D0'
    return POWER_STATES[this.#registers.read(this.#powerRegister, 2) & POWER_STATE_BITS]!
  }

  get interrupts(): FunctionInterrupts {
    return this.#board.intx
  }

  get resetMethods(): readonly ResetMethod[] {
    return this.#resetMethods.list
  }

  setResetMethods(text: string): void {
    this.#resetMethods.set(text)
  }

  readConfig(offset: number, widthBytes: ConfigWidth): number {
    return this.#registers.read(offset, widthBytes)
  }

  writeConfig(offset: number, widthBytes: ConfigWidth, value: number): void {
    const end = offset + widthBytes
    const hit = this.#triggers.filter((each) => each.offset < end && offset < each.offset + each.widthBytes)
    const before = hit.map((trigger) => this.#registers.read(trigger.offset, trigger.widthBytes))
    this.#registers.write(offset, widthBytes, value)
    for (const [index, trigger] of hit.entries()) {
      const landed = Math.floor(value * 2 ** (8 * (offset - trigger.offset)))
      trigger.fire(landed % 2 ** (8 * trigger.widthBytes), before[index]!)
    }
  }

  readBar(bar: BarIndex | 'rom', offset: number, out: Uint8Array): void {
    if (!this.#decoder.answers(bar, offset, out.length)) out.fill(this.#silence(bar))
    else if (!this.#board.readTable(bar, offset, out)) this.model.readBar(bar, offset, out)
  }

  writeBar(bar: BarIndex, offset: number, data: Uint8Array): void {
    if (!this.#decoder.answers(bar, offset, data.length)) return
    if (!this.#board.writeTable(bar, offset, data)) this.model.writeBar(bar, offset, data)
  }

  readVga(address: number, out: Uint8Array): void {
    const decodes = this.#decodesVga(address, out.length)
    if (decodes && this.model.readVga !== undefined) this.model.readVga(address, out)
    else out.fill(0xff)
  }

  writeVga(address: number, data: Uint8Array): void {
    if (this.#decodesVga(address, data.length)) this.model.writeVga?.(address, data)
  }

  reset(method: ResetMethod): ResetOutcome {
    if (!this.#resetMethods.works(method)) return 'ENOTTY'
    if (method === 'device_specific' && this.#specificReset !== undefined) return this.#specificReset(this)
    const { reach, event } = RESET_EFFECTS[method]
    if (reach === 'function') this.receiveReset(event)
    else this.#surroundings.secondaryBusReset(this.identity.parent!)
    return this.model.recovers?.(event) === false ? 'ENOTTY' : 'ok'
  }

  /** The reset arrives at the function, whoever caused it. */
  receiveReset(event: ResetEvent): void {
    if (event !== 'pm') this.#registers.reset()
    if (event === 'pm') this.#leaveLowPower()
    if (event !== 'pm') this.#board.reset()
    this.#updateDecode()
    this.model.reset(event)
    if (event === 'flr' || event === 'bus') this.#surroundings.physicalFunctionReset(this.bdf)
  }

  #silence(bar: BarIndex | 'rom'): 0 | 0xff {
    const isPorts = this.resources.some((resource) => resource.bar === bar && resource.kind === 'io')
    return isPorts ? 0xff : this.silentMemory
  }

  #decodesVga(address: number, length: number): boolean {
    checkVgaAccess(address, length)
    return this.powerState === 'D0'
  }

  #leaveLowPower(): void {
    const register = this.#powerRegister
    if (register === undefined || this.#registers.writable(register, 1) === 0) return
    this.#registers.assign16(register, POWER_STATE_BITS, 0)
  }

  #updateDecode(): void {
    this.#decoder.update(this.powerState === 'D0')
  }

  #chooseModel(models: readonly DeviceModelFactory[], profile: FunctionProfile | undefined): DeviceModel {
    for (const factory of models) {
      const model = factory(this.#board)
      if (model !== undefined) return model
    }
    return new StorageModel(this.resources, profile?.memorySurvives)
  }

  /** Absolute offset of a register of the first capability with that id; undefined if it is outside the space. */
  #capabilityRegister(id: number, register: number): number | undefined {
    const capability = this.identity.capabilities.find((entry) => entry.id === id && !entry.extended)
    if (capability === undefined || capability.offset + register + 4 > this.#registers.sizeBytes)
      return undefined
    return capability.offset + register
  }

  #makeTriggers(): Trigger[] {
    const decode = (): void => this.#updateDecode()
    const command = (): void => {
      decode()
      this.#board.intx.update()
    }
    const messages = (): void => this.#board.updateMessages()
    const triggers: Trigger[] = [
      { offset: COMMAND, widthBytes: 2, fire: command },
      ...this.#board.watched.map((offset): Trigger => ({ offset, widthBytes: 4, fire: messages })),
      ...this.#decoder.watched.map((offset): Trigger => ({ offset, widthBytes: 4, fire: decode })),
    ]
    if (this.#powerRegister !== undefined) {
      triggers.push({
        offset: this.#powerRegister,
        widthBytes: 2,
        fire: (_, before) => this.#changePower(before),
      })
    }
    if (this.identity.headerType !== 0) {
      triggers.push({
        offset: BRIDGE_CONTROL,
        widthBytes: 2,
        fire: (_, before) => this.#changeBridge(before),
      })
    }
    return [...triggers, ...this.#resetTriggers(), ...this.#slotTriggers()]
  }

  #resetTriggers(): Trigger[] {
    const deviceControl = this.#capabilityRegister(CAPABILITY_ID.pciExpress, 8)
    const afControl = this.#capabilityRegister(CAPABILITY_ID.advancedFeatures, 4)
    // The bit starts the reset and is not kept, even where a measured mask calls it writable.
    const flr = (method: 'flr' | 'af_flr', register: number, bit: number) => (written: number) => {
      if ((written & bit) === 0) return
      this.#registers.assign16(register, bit, 0)
      this.reset(method)
    }
    const triggers: Trigger[] = []
    if (deviceControl !== undefined) {
      triggers.push({
        offset: deviceControl,
        widthBytes: 2,
        fire: flr('flr', deviceControl, DEVICE_CONTROL_FLR),
      })
    }
    if (afControl !== undefined)
      triggers.push({ offset: afControl, widthBytes: 1, fire: flr('af_flr', afControl, 1) })
    return triggers
  }

  /** Hot-plug ports report each slot command as completed, unless they say that they need no time for it. */
  #slotTriggers(): Trigger[] {
    const control = this.#capabilityRegister(CAPABILITY_ID.pciExpress, 0x18)
    if (control === undefined || this.identity.pcie?.slotImplemented !== true) return []
    if ((this.#registers.read(control - 4, 4) & SLOT_NO_COMMAND_COMPLETED) !== 0) return []
    const fire = (): void =>
      this.#registers.assign16(control + 2, SLOT_COMMAND_COMPLETED, SLOT_COMMAND_COMPLETED)
    return [{ offset: control, widthBytes: 2, fire }]
  }

  /** States that the function does not have are refused, and D3hot is left for D0 only. */
  #changePower(before: number): void {
    const register = this.#powerRegister!
    const from = before & POWER_STATE_BITS
    const to = this.#registers.read(register, 2) & POWER_STATE_BITS
    if (to === from) return
    const needs = PMC_SUPPORTS[to]!
    const exists = needs === 0 || (this.#registers.read(register - 2, 2) & needs) !== 0
    if (!exists || (from === 3 && to !== 0)) {
      this.#registers.assign16(register, POWER_STATE_BITS, from)
      return
    }
    this.#updateDecode()
    if (from === 3 && (before & NO_SOFT_RESET) === 0) this.model.reset('pm')
  }

  #changeBridge(before: number): void {
    const now = this.#registers.read(BRIDGE_CONTROL, 2)
    if ((now & ~before & BRIDGE_CONTROL_BUS_RESET) !== 0) this.#surroundings.secondaryBusReset(this.bdf)
  }
}

function registersOf(
  identity: PciFunction,
  resources: readonly BarResource[],
  topology: Topology,
  profile: FunctionProfile | undefined,
): ConfigRegisters {
  const image = configImage(identity, resources, topology.bridge(identity.bdf))
  try {
    return new ConfigRegisters(image.bytes, writeMasks(identity, image, resources, profile))
  } catch (error) {
    throw new RangeError(`${identity.bdf}: ${(error as Error).message}`, { cause: error })
  }
}
