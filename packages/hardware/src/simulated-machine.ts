/** SimulatedMachine: the hardware of every function of a topology, made when it is first asked for. */
import type { Bdf, PciFunction, Topology } from '@vfiokit/topology'
import type { DeviceModelFactory } from './device-model.ts'
import { NOTHING_MAPPED } from './dma-target.ts'
import type { Firmware } from './firmware.ts'
import type { FunctionProfile } from './function-profile.ts'
import { SimulatedInterruptController } from './interrupt-controller.ts'
import type {
  DmaTarget,
  InterruptController,
  MachineClock,
  PciMachine,
  SpecificResets,
} from './pci-hardware.ts'
import { PhysicalMemory } from './physical-memory.ts'
import { SimulatedClock } from './simulated-clock.ts'
import { SimulatedFunction, type Surroundings } from './simulated-function.ts'

export interface SimulatedMachineOptions {
  /** What was measured of a function; undefined: the tables decide. */
  readonly profiles?: (fn: PciFunction) => FunctionProfile | undefined
  /** Who answers for a function's BARs: the first factory that gives a model; otherwise they are memory. */
  readonly models?: readonly DeviceModelFactory[]
  /** Absent: no memory by address, no properties. */
  readonly firmware?: Firmware | undefined
}

/**
 * @example
 * import { SimulatedMachine } from '@vfiokit/hardware'
 * import { Bdf, TopologyBuilder } from '@vfiokit/topology'
 * const bdf = Bdf.parse('0000:00:03.0')
 * const topology = new TopologyBuilder().addFunction({ bdf, vendorId: 0x1234, deviceId: 0x11e8 }).finish()
 * const edu = new SimulatedMachine(topology).hardware(bdf)!
 * console.log(edu.readConfig(0, 4).toString(16)) // => 11e81234
 */
export class SimulatedMachine implements PciMachine {
  readonly interruptController: InterruptController = new SimulatedInterruptController()
  readonly clock: MachineClock = new SimulatedClock()
  readonly memory: PhysicalMemory
  specificResets: SpecificResets = () => undefined
  dmaTarget: DmaTarget = NOTHING_MAPPED
  #topology: Topology
  readonly #options: SimulatedMachineOptions
  readonly #functions: Map<Bdf, SimulatedFunction> = new Map()
  readonly #surroundings: Surroundings

  constructor(topology: Topology, options: SimulatedMachineOptions = {}) {
    this.#topology = topology
    this.#options = options
    this.memory = new PhysicalMemory(options.firmware?.memory)
    const topologyNow = () => this.#topology
    this.#surroundings = {
      get topology() {
        return topologyNow()
      },
      clock: this.clock,
      readMemory: (requester, iova, out) => this.dmaTarget.read(requester, iova, out),
      writeMemory: (requester, iova, data) => this.dmaTarget.write(requester, iova, data),
      writeMessage: (requester, address, data) => this.#writeMessage(requester, address, data),
      specificReset: (fn) => this.specificResets(fn),
      secondaryBusReset: (bridge) => this.secondaryBusReset(bridge),
      physicalFunctionReset: (pf) => this.#physicalFunctionReset(pf),
    }
  }

  get topology(): Topology {
    return this.#topology
  }

  property(bdf: Bdf, name: string): bigint | undefined {
    return this.#options.firmware?.properties?.[bdf]?.[name]
  }

  changeTopology(next: Topology): void {
    for (const bdf of this.#functions.keys())
      if (next.function(bdf) === undefined) this.#functions.delete(bdf)
    this.#topology = next
  }

  /** @throws RangeError when the function's profile is not hexadecimal text. */
  hardware(bdf: Bdf): SimulatedFunction | undefined {
    const made = this.#functions.get(bdf)
    if (made !== undefined) return made
    const fn = this.topology.function(bdf)
    if (fn === undefined) return undefined
    const { profiles, models } = this.#options
    const hardware = new SimulatedFunction(fn, this.#surroundings, profiles?.(fn), models)
    this.#functions.set(bdf, hardware)
    return hardware
  }

  secondaryBusReset(bridge: Bdf): void {
    if (this.topology.bridge(bridge) === undefined)
      throw new RangeError(`${bridge} is not a bridge of this machine`)
    for (const { bdf } of this.topology.functionsBelow(bridge)) this.hardware(bdf)!.receiveReset('bus')
  }

  /** A message is a write like any other: outside the interrupt window it goes to memory. */
  #writeMessage(requester: Bdf, address: bigint, data: number): void {
    if (this.interruptController.isMessageAddress(address)) {
      this.interruptController.deliver(address, data)
      return
    }
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, data, true)
    this.dmaTarget.write(requester, address, bytes)
  }

  #physicalFunctionReset(pf: Bdf): void {
    for (const { bdf } of this.topology.virtualFunctions(pf)) this.hardware(bdf)!.receiveReset('pf-reset')
  }
}
