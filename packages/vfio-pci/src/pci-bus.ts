/**
 * The vfio-pci driver of a machine: binds functions, and knows the devices it made of them.
 */
import type { PciMachine } from '@vfiokit/hardware'
import { deviceCells, type VfioErrno } from '@vfiokit/locking'
import { type Bdf, deviceSetKey, type PciFunction, type Topology } from '@vfiokit/topology'
import { DeviceDma, type Group, type VfioCore, VfioDevice, VfioError } from '@vfiokit/vfio-core'
import { describeFailure, type PluginFailure, type PluginFailureLog } from './plugin-failure.ts'
import type { RegionProvider } from './region/region-provider.ts'
import { type AffectedFunctions, affectedFunctions } from './reset/affected-functions.ts'
import { resetBelow } from './reset/hot-reset.ts'
import { VfioPciDevice } from './vfio-pci-device.ts'

/** What a bus is made of. */
export interface PciBusOptions {
  readonly core: VfioCore
  readonly machine: PciMachine
  readonly providers?: readonly RegionProvider[]
  /** Told about every plugin that misbehaves; by default failures are only kept. */
  readonly onPluginFailure?: PluginFailureLog
}

/** The driver's name, as in sysfs. */
export const VFIO_PCI = 'vfio-pci'

/** Drivers that do not make DMA of their own, beside vfio-pci. */
const HARMLESS_DRIVERS: ReadonlySet<string> = new Set([VFIO_PCI, 'pci-stub', 'pcieport'])

/** All functions of a machine, some of them under vfio-pci. */
export class PciBus {
  readonly core: VfioCore
  readonly machine: PciMachine
  readonly providers: readonly RegionProvider[]
  readonly log: PluginFailureLog
  readonly #failures: PluginFailure[] = []
  readonly #drivers = new Map<Bdf, string | undefined>()
  readonly #devices = new Map<string, VfioPciDevice>()
  readonly #members = new Map<number, PciFunction[]>()

  constructor(options: PciBusOptions) {
    this.core = options.core
    this.machine = options.machine
    this.providers = options.providers ?? []
    this.log = (failure) => {
      this.#failures.push(failure)
      options.onPluginFailure?.(failure)
    }
    this.machine.dmaTarget = new DeviceDma((bdf) => this.#groupOf(bdf as Bdf))
    // What the source says was bound to vfio-pci is driverless here until somebody binds it.
    for (const fn of this.topology.functions) {
      this.#drivers.set(fn.bdf, fn.driver === VFIO_PCI ? undefined : fn.driver)
      if (fn.iommuGroup === undefined) continue
      const members = this.#members.get(fn.iommuGroup)
      if (members === undefined) this.#members.set(fn.iommuGroup, [fn])
      else members.push(fn)
    }
  }

  get topology(): Topology {
    return this.machine.topology
  }

  /** What plugins did wrong so far. */
  get pluginFailures(): readonly PluginFailure[] {
    return this.#failures
  }

  /** The same, a line each. */
  get failureLines(): readonly string[] {
    return this.#failures.map(describeFailure)
  }

  /** The driver of a function. */
  driver(bdf: Bdf): string | undefined {
    return this.#drivers.get(bdf)
  }

  /** vfio-pci's own side of a device. */
  driverOf(device: VfioDevice): VfioPciDevice | undefined {
    return this.#devices.get(device.id)
  }

  /**
   * Binds a function to vfio-pci.
   *
   * @throws VfioError ENODEV for a function that is not there, EBUSY when a driver has it, EINVAL for a
   *   bridge or a function without IOMMU group.
   */
  bind(bdf: Bdf): VfioDevice {
    const fn = this.topology.function(bdf)
    const hardware = this.machine.hardware(bdf)
    if (fn === undefined || hardware === undefined)
      throw new VfioError('ENODEV', 'no-device', `${bdf} is not in the machine`)
    const refused = this.#refusal(fn)
    if (refused !== undefined) throw refused
    const pci: { current?: VfioPciDevice } = {}
    const device = new VfioDevice({
      id: bdf,
      group: this.#group(fn),
      set: this.core.deviceSet(deviceSetKey(this.topology, bdf, { kernel: this.core.profile.version })),
      cells: this.#cells(fn, pci),
      make: this.core.locks,
    })
    pci.current = new VfioPciDevice(this, device, hardware)
    device.register(pci.current)
    this.core.addDevice(device)
    this.#devices.set(bdf, pci.current)
    this.#drivers.set(bdf, VFIO_PCI)
    return device
  }

  /**
   * Takes a function away from vfio-pci.
   *
   * @throws VfioError ENODEV when vfio-pci does not have it, EBUSY while it is open: Linux waits there,
   *   and asks the users to let go.
   */
  unbind(bdf: Bdf): void {
    const device = this.core.devices.get(bdf)
    if (device === undefined)
      throw new VfioError('ENODEV', 'no-device', `${bdf} is not driven by ${VFIO_PCI}`)
    if (device.cells.openCount.peek() > 0) throw new VfioError('EBUSY', 'group-busy', `${bdf} is open`)
    device.unregister()
    this.core.removeDevice(device)
    this.#devices.delete(bdf)
    this.#drivers.set(bdf, undefined)
  }

  /** What a hot reset of a device hits under this kernel; undefined when there is none. */
  reachOf(device: VfioDevice): AffectedFunctions | undefined {
    return affectedFunctions(this.topology, device.id as Bdf, { kernel: this.core.profile.version })
  }

  /** The same for a caller who asked for it. @throws VfioError ENODEV when there is none. */
  affectedBy(device: VfioDevice): AffectedFunctions {
    const reach = this.reachOf(device)
    if (reach !== undefined) return reach
    throw new VfioError('ENODEV', 'no-reset', `neither the slot nor the bus of ${device.id} can be reset`)
  }

  /** Resets everything below a bridge, with the state of each function saved and put back. */
  resetBelow(affected: AffectedFunctions): VfioErrno | undefined {
    const open = affected.functions.flatMap((bdf) => this.#devices.get(bdf)?.open?.regions ?? [])
    for (const region of open) region.resetPrepare()
    try {
      return resetBelow(this, affected)
    } finally {
      for (const region of open) region.resetDone()
    }
  }

  #refusal(fn: PciFunction): VfioError | undefined {
    const driver = this.#drivers.get(fn.bdf)
    if (fn.headerType !== 0) return new VfioError('EINVAL', 'not-a-device', `${fn.bdf} is a bridge`)
    if (driver !== undefined) return new VfioError('EBUSY', 'no-device', `${fn.bdf} is driven by ${driver}`)
    if (fn.iommuGroup !== undefined) return undefined
    return new VfioError('EINVAL', 'group-not-viable', `${fn.bdf} has no IOMMU group`)
  }

  /** The group that vfio knows of a function; its IOMMU decides what DMA reaches. */
  #groupOf(bdf: Bdf): Group | undefined {
    const number = this.topology.function(bdf)?.iommuGroup
    return number === undefined ? undefined : this.core.groups.get(number)
  }

  #group(fn: PciFunction): Group {
    const number = fn.iommuGroup!
    return this.core.groups.get(number) ?? this.core.addGroup(number, () => this.#foreignDriver(number))
  }

  /** A member of the group that somebody else drives. */
  #foreignDriver(group: number): string | undefined {
    for (const { bdf, headerType } of this.#members.get(group) ?? []) {
      const driver = this.#drivers.get(bdf)
      if (driver === undefined || HARMLESS_DRIVERS.has(driver)) continue
      if (headerType !== 0 && !this.core.profile.bridgeDriversOwnDma) continue
      return `${bdf} of group ${group} is driven by ${driver}`
    }
    return undefined
  }

  #cells(fn: PciFunction, pci: { readonly current?: VfioPciDevice }): ReturnType<typeof deviceCells> {
    return deviceCells(
      fn.bdf,
      { ignoresMemoryBit: fn.physfn !== undefined, ignoresPower: !this.core.profile.powerGatesMemory },
      {
        memoryEnabled: {
          read: () => pci.current?.open?.memoryBit ?? true,
          write: (on) => {
            const open = pci.current?.open
            if (open !== undefined) open.memoryBit = on
          },
        },
      },
    )
  }
}
