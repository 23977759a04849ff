/**
 * The vfio-pci driver of a machine: binds functions, and knows the devices it made of them.
 */
import type { PciMachine } from '@vfiokit/hardware'
import type { Awaitable, Operation, VfioErrno } from '@vfiokit/locking'
import { type Bdf, deviceSetKey, type PciFunction, type Topology } from '@vfiokit/topology'
import { DeviceDma, type Group, type VfioCore, VfioDevice, VfioError } from '@vfiokit/vfio-core'
import type { CapabilityHandler } from './config/capability-handler.ts'
import { DriverBindings, HARMLESS_DRIVERS, VFIO_PCI } from './driver-bindings.ts'
import { functionCells } from './function-cells.ts'
import { groupMembers } from './group-members.ts'
import type { ModuleOptions } from './module-options.ts'
import type { OpenPciDevice } from './open-pci-device.ts'
import { describeFailure, type PluginFailure, type PluginFailureLog } from './plugin-failure.ts'
import type { RegionProvider } from './region/region-provider.ts'
import { type AffectedFunctions, affectedFunctions } from './reset/affected-functions.ts'
import { DeviceLocks } from './reset/device-locks.ts'
import { migrationReset } from './reset/function-reset.ts'
import { resetBelow } from './reset/hot-reset.ts'
import { resetBySysfs } from './reset/sysfs-reset.ts'
import { specificResets, type VendorReset } from './reset/vendor-reset.ts'
import { VirtualFunctions } from './sriov/virtual-functions.ts'
import type { VariantDriver } from './variant/variant-driver.ts'
import { VariantDrivers } from './variant/variant-drivers.ts'
import { VfioPciDevice } from './vfio-pci-device.ts'

/** What a bus is made of. */
export interface PciBusOptions {
  readonly core: VfioCore
  readonly machine: PciMachine
  readonly providers?: readonly RegionProvider[]
  readonly variantDrivers?: readonly VariantDriver[]
  readonly vendorResets?: readonly VendorReset[]
  readonly capabilityHandlers?: readonly CapabilityHandler[]
  /** Told about every plugin that misbehaves; by default failures are only kept. */
  readonly onPluginFailure?: PluginFailureLog
  /** Module options of vfio-pci. */
  readonly moduleOptions?: ModuleOptions
}

/** Kernel: the wait of `vfio_unregister_group_dev`. */
const REQUEST_INTERVAL_MS = 10_000
/** All functions of a machine, some of them under vfio-pci. */
export class PciBus {
  readonly core: VfioCore
  readonly machine: PciMachine
  readonly dma: DeviceDma
  readonly providers: readonly RegionProvider[]
  readonly variants: VariantDrivers
  readonly capabilityHandlers: readonly CapabilityHandler[]
  readonly log: PluginFailureLog
  readonly #resettable = new Map<Bdf, boolean>()
  readonly #failures: PluginFailure[] = []
  readonly locks: DeviceLocks
  readonly disableIdleD3: boolean
  readonly enableSriov: boolean
  readonly nointxmask: boolean
  readonly #drivers: DriverBindings
  readonly #devices = new Map<string, VfioPciDevice>()
  /** Open functions that lost their driver, until their last close. */
  readonly #leaving = new Map<Bdf, Promise<void>>()
  readonly virtualFunctions: VirtualFunctions
  #members: ReadonlyMap<number, readonly PciFunction[]>

  constructor(options: PciBusOptions) {
    this.core = options.core
    this.machine = options.machine
    // What the functions of a group reach of memory is what its user mapped.
    this.dma = new DeviceDma((requester) => this.#groupOf(requester))
    this.machine.dmaTarget = this.dma
    this.providers = options.providers ?? []
    this.log = (failure) => {
      this.#failures.push(failure)
      options.onPluginFailure?.(failure)
    }
    this.capabilityHandlers = options.capabilityHandlers ?? []
    this.machine.specificResets = specificResets(options.vendorResets ?? [], this.log)
    this.variants = new VariantDrivers(options.variantDrivers ?? [], this.log)
    const { moduleOptions = {} } = options
    this.disableIdleD3 = moduleOptions.disable_idle_d3 ?? false
    this.enableSriov = moduleOptions.enable_sriov ?? false
    this.nointxmask = moduleOptions.nointxmask ?? false
    this.locks = new DeviceLocks(this.core.locks, this.core.profile)
    this.#drivers = new DriverBindings(this.topology)
    this.#members = groupMembers(this.topology)
    this.virtualFunctions = new VirtualFunctions(this)
  }

  get topology(): Topology {
    return this.machine.topology
  }

  /** Functions come and go; those that go have no driver any more. */
  changeTopology(next: Topology): void {
    for (const { bdf } of this.topology.functions) {
      if (next.function(bdf) !== undefined) continue
      this.#drivers.forget(bdf)
      this.#resettable.delete(bdf)
    }
    this.machine.changeTopology(next)
    this.#members = groupMembers(next)
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
    return this.#drivers.driver(bdf)
  }

  /** vfio-pci's own side of a function; undefined while another driver or none has it. */
  driverAt(bdf: Bdf): VfioPciDevice | undefined {
    return this.#devices.get(bdf)
  }

  /** sysfs `driver_override`. */
  driverOverride(bdf: Bdf): string | undefined {
    return this.#drivers.override(bdf)
  }

  /** @param driver - Empty: no override any more. */
  overrideDriver(bdf: Bdf, driver: string): void {
    this.#drivers.setOverride(bdf, driver)
  }

  /**
   * Binds a function to a driver as writing its name to the driver's `bind` does.
   *
   * @throws VfioError ENODEV when the driver does not take the function, and as {@link bind}.
   */
  bindDriver(bdf: Bdf, driver: string): void {
    if (this.driver(bdf) === undefined && !this.#drivers.takes(driver, bdf))
      throw new VfioError('ENODEV', 'no-device', `${driver} does not take ${bdf}`)
    if (driver === VFIO_PCI) this.bind(bdf)
    else this.#bindForeign(bdf, driver)
  }

  /** Binds a function to whatever driver wants it. @throws VfioError EINVAL when that fails. */
  probe(bdf: Bdf): void {
    const driver = this.#drivers.wanted(bdf)
    if (driver === undefined || this.driver(bdf) !== undefined) return
    try {
      this.bindDriver(bdf, driver)
    } catch (cause) {
      if (!VfioError.is(cause)) throw cause
      throw new VfioError('EINVAL', cause.reason, cause.message)
    }
  }

  /** How often a function is enabled. Kernel: `enable_cnt`. */
  enableCount(bdf: Bdf): number {
    return this.#drivers.enabledByOthers(bdf) + (this.driverAt(bdf)?.open === undefined ? 0 : 1)
  }

  /**
   * As writing sysfs `enable`.
   *
   * @throws VfioError EBUSY for a function that a driver has, EIO when it is disabled already.
   */
  enableBySysfs(bdf: Bdf, on: boolean): void {
    const driver = this.driver(bdf)
    if (driver !== undefined) throw new VfioError('EBUSY', 'group-busy', `${driver} has ${bdf}`)
    const count = this.#drivers.enabledByOthers(bdf)
    if (!on && count === 0) throw new VfioError('EIO', 'unsupported', `${bdf} is not enabled`)
    this.#drivers.setEnabledByOthers(bdf, count + (on ? 1 : -1))
  }

  /** Whether runtime power management has put a function to sleep. */
  isSuspended(bdf: Bdf): boolean {
    return this.driverAt(bdf)?.power.isSuspended ?? false
  }

  /** Whether a function could be reset on its own when it was found: what sysfs shows the files for. */
  hasFunctionReset(bdf: Bdf): boolean {
    const known = this.#resettable.get(bdf)
    if (known !== undefined) return known
    const lists = [this.topology.function(bdf)?.resetMethods, this.machine.hardware(bdf)?.resetMethods]
    const has = lists.some((methods) => methods !== undefined && methods.length > 0)
    this.#resettable.set(bdf, has)
    return has
  }

  /**
   * As writing sysfs `reset`: vfio is not told, so nothing is zapped.
   *
   * @throws VfioError ENOENT for a function without reset, ENOTTY when no method works now.
   */
  resetBySysfs(bdf: Bdf): Operation<void> {
    return resetBySysfs(this, bdf)
  }

  /**
   * The host was told of an error of a function that can be recovered from; users are told by the ERR
   * interrupt. Kernel: `vfio_pci_core_aer_err_detected`.
   */
  reportError(bdf: Bdf): void {
    const open = this.driverAt(bdf)?.open
    open?.variant?.errorDetected()
    open?.interrupts.error.signal()
  }

  /** Whether the driver of a function makes virtual ones. */
  canConfigureSriov(bdf: Bdf): boolean {
    return this.driverAt(bdf) !== undefined && this.enableSriov
  }

  /** Lets functions that went idle fall asleep: the moment at which the kernel's worker gets its turn. */
  settle(): void {
    for (const { power } of this.#devices.values()) power.settle()
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
      cells: functionCells(fn, this.core.profile, () => pci.current),
      make: this.core.locks,
    })
    pci.current = new VfioPciDevice(this, device, hardware)
    device.register(pci.current)
    this.core.addDevice(device)
    this.#devices.set(bdf, pci.current)
    this.#drivers.give(bdf, VFIO_PCI)
    pci.current.power.takeOver()
    return device
  }

  /**
   * Takes a function away from its driver; with a physical one of vfio-pci its virtual ones go first.
   * vfio-pci gives up an open one with its last close: until then nobody else can open it, and its users
   * are asked to let go, at once and every ten seconds.
   *
   * Kernel: `vfio_unregister_group_dev`, `vfio_pci_core_request`.
   *
   * @returns a promise only when there are users to wait for.
   * @throws VfioError ENODEV when vfio-pci does not have it.
   */
  unbind(bdf: Bdf): Awaitable<void> {
    if (this.driver(bdf) !== undefined && this.driver(bdf) !== VFIO_PCI) {
      this.#drivers.takeAway(bdf)
      return
    }
    const leaving = this.#leaving.get(bdf)
    if (leaving !== undefined) return leaving
    const device = this.core.devices.get(bdf)
    if (device === undefined)
      throw new VfioError('ENODEV', 'no-device', `${bdf} is not driven by ${VFIO_PCI}`)
    const hasVirtual = this.topology.virtualFunctions(bdf).length > 0
    const virtualGone = hasVirtual ? this.virtualFunctions.setCount(bdf, 0) : undefined
    if (virtualGone !== undefined) return virtualGone.then(() => this.unbind(bdf))
    if (device.lifecycle.state !== 'open') return device.unregister(() => this.#forget(device))
    const gone = new Promise<void>((resolve) => {
      const stopAsking = this.#askToLetGo(device)
      device.unregister(() => {
        stopAsking()
        this.#forget(device)
        resolve()
      })
    })
    this.#leaving.set(bdf, gone)
    return gone
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
    const open = this.#openBelow(affected)
    for (const device of open) device.resetPrepare()
    try {
      return resetBelow(this, affected)
    } finally {
      for (const device of open) device.resetDone()
    }
  }

  /** Ends the migration of everything that was reset below a bridge. Waits for nobody. */
  *migrationReset(affected: AffectedFunctions): Operation<void> {
    for (const open of this.#openBelow(affected)) yield* migrationReset(open)
  }

  #openBelow({ functions }: AffectedFunctions): OpenPciDevice[] {
    return functions.flatMap((bdf) => this.#devices.get(bdf)?.open ?? [])
  }

  #forget(device: VfioDevice): void {
    const bdf = device.id as Bdf
    this.core.removeDevice(device)
    this.#devices.get(bdf)?.giveUp()
    this.#devices.delete(bdf)
    this.#leaving.delete(bdf)
    this.#drivers.takeAway(bdf)
  }

  /** @returns what ends it. */
  #askToLetGo(device: VfioDevice): () => void {
    const { clock } = this.machine
    let stop = () => {}
    const ask = (): void => {
      const open = this.driverOf(device)?.open
      open?.variant?.request()
      open?.interrupts.request.signal()
      stop = clock.after(REQUEST_INTERVAL_MS, ask)
    }
    ask()
    return () => stop()
  }

  /** @throws VfioError EBUSY when the function has a driver, or its group is given away. */
  #bindForeign(bdf: Bdf, driver: string): void {
    const fn = this.topology.function(bdf)
    if (this.driver(bdf) !== undefined) throw new VfioError('EBUSY', 'no-device', `${bdf} has a driver`)
    const group = fn?.iommuGroup === undefined ? undefined : this.core.groups.get(fn.iommuGroup)
    const ownsDma = fn?.headerType === 0 || this.core.profile.bridgeDriversOwnDma
    if (ownsDma && !HARMLESS_DRIVERS.has(driver) && group?.container !== undefined)
      throw new VfioError('EBUSY', 'group-busy', `a user has the group of ${bdf}`)
    this.#drivers.give(bdf, driver)
  }

  #refusal(fn: PciFunction): VfioError | undefined {
    const driver = this.#drivers.driver(fn.bdf)
    if (fn.headerType !== 0) return new VfioError('EINVAL', 'not-a-device', `${fn.bdf} is a bridge`)
    if (driver !== undefined) return new VfioError('EBUSY', 'no-device', `${fn.bdf} is driven by ${driver}`)
    if (fn.iommuGroup !== undefined) return undefined
    return new VfioError('EINVAL', 'group-not-viable', `${fn.bdf} has no IOMMU group`)
  }

  #groupOf(bdf: string): Group | undefined {
    const number = this.topology.function(bdf as Bdf)?.iommuGroup
    return number === undefined ? undefined : this.core.groups.get(number)
  }

  #group(fn: PciFunction): Group {
    const number = fn.iommuGroup!
    return this.core.groups.get(number) ?? this.core.addGroup(number, () => this.#foreignDriver(number))
  }

  /** A member of the group that somebody else drives. */
  #foreignDriver(group: number): string | undefined {
    for (const { bdf, headerType } of this.#members.get(group) ?? []) {
      const driver = this.#drivers.driver(bdf)
      if (driver === undefined || HARMLESS_DRIVERS.has(driver)) continue
      if (headerType !== 0 && !this.core.profile.bridgeDriversOwnDma) continue
      return `${bdf} of group ${group} is driven by ${driver}`
    }
    return undefined
  }
}
