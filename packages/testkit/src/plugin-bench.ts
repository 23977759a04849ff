/** One machine with the card in it, the plugin loaded, and processes that use it through the ABI. */
import { SimulatedMachine } from '@vfiokit/hardware'
import type { AnyLockingStrategy } from '@vfiokit/locking'
import { unmapRange } from '@vfiokit/locking-strategies'
import type { PciFunction } from '@vfiokit/topology'
import {
  callsOf,
  DeviceCalls,
  type KernelVersion,
  kernelProfile,
  LiveHost,
  openDeviceIn,
  openGroupIn,
  VfioCore,
  type VfioDevice,
} from '@vfiokit/vfio-core'
import { PciBus, type PluginFailure } from '@vfiokit/vfio-pci'
import { demand, done, now } from './demand.ts'
import { DeviceUser } from './device-user.ts'
import { CARD, fixtureTopology, STRANGER } from './fixture-topology.ts'
import type { ObservedPlugin } from './observed-plugin.ts'
import type { RegionFixture } from './region-fixture.ts'
import { RegisterModel } from './register-model.ts'

/** What kind of host it is. */
export interface BenchHost {
  /** `unmap-range` when absent. */
  readonly strategy?: AnyLockingStrategy
  /** The newest when absent. */
  readonly kernel?: KernelVersion
  /** The `mmap` of regions is asked for every mapping, whatever the fixture says. */
  readonly asksEveryMapping?: true
}

/** A simulated host, made new for every check. */
export class PluginBench {
  readonly bus: PciBus
  readonly host: LiveHost
  /** The card, as vfio knows it. */
  readonly device: VfioDevice
  readonly stranger: VfioDevice
  /** What the plugin did wrong so far. */
  readonly failures: PluginFailure[] = []
  #model: RegisterModel | undefined

  constructor(
    readonly observed: ObservedPlugin,
    fixture: RegionFixture,
    host: BenchHost = {},
  ) {
    const { strategy = unmapRange, kernel, asksEveryMapping = false } = host
    observed.asksFirstMappingOnly = fixture.mapsOnce !== undefined && !asksEveryMapping
    const machine = new SimulatedMachine(fixtureTopology(fixture.function, fixture.neighbours), {
      firmware: { memory: fixture.memory, properties: { [CARD]: fixture.properties ?? {} } },
      models: [
        ({ identity, resources }) => {
          if (identity.bdf !== CARD) return undefined
          this.#model = new RegisterModel(resources, fixture.bars ?? {})
          return this.#model
        },
      ],
    })
    this.bus = new PciBus({
      core: new VfioCore({ strategy, profile: kernelProfile(kernel) }),
      machine,
      ...observed.registration,
      onPluginFailure: (failure) => this.failures.push(failure),
    })
    this.host = new LiveHost(this.bus.core)
    this.device = this.bus.bind(CARD)
    this.stranger = this.bus.bind(STRANGER)
  }

  get core(): VfioCore {
    return this.bus.core
  }

  /** How often BARs of the card were accessed. */
  get barAccesses(): number {
    return this.#model?.accesses ?? 0
  }

  /** Opens the card in a process. */
  open(process = 'vm0'): DeviceUser {
    return this.#open(process, this.device)
  }

  /** Opens the stranger in a process. */
  openStranger(process = 'vm0'): DeviceUser {
    return this.#open(process, this.stranger)
  }

  /** Gives what a process has open to another one, as over a socket. */
  share(user: DeviceUser, process: string): DeviceUser {
    const other = this.host.process(process)
    const fd = now(user.process.send(user.calls.fd, other))
    const groupFd = now(user.process.send(user.groupFd, other))
    const containerFd = now(user.process.send(user.containerFd, other))
    return new DeviceUser(this.device, other, new DeviceCalls(callsOf(other), fd), groupFd, containerFd)
  }

  /** @throws RuleBroken when one of these members failed; any member when none is named. */
  demandNoFailure(...members: readonly string[]): void {
    const failure = this.failures.find(({ member }) => members.length === 0 || members.includes(member))
    if (failure === undefined) return
    const { cause, member } = failure
    demand(false, `${member} throws ${cause instanceof Error ? cause.message : String(cause)}`)
  }

  #open(id: string, device: VfioDevice): DeviceUser {
    const process = this.host.process(id)
    const calls = callsOf(process)
    const containerFd = now(process.open('/dev/vfio/vfio'))
    const groupFd = done(openGroupIn(calls, device.group.number, containerFd))
    const opened = done(openDeviceIn(calls, groupFd, device.id))
    return new DeviceUser(device, process, opened, groupFd, containerFd)
  }
}

/** The card's function. */
export function cardOf({ bus }: PluginBench): PciFunction {
  return bus.topology.function(CARD)!
}
