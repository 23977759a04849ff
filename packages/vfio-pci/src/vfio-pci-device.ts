/** The vfio-pci driver of one function: what the core asks of a device. Kernel: `vfio_pci_core_device`. */
import type { PciHardware } from '@vfiokit/hardware'
import { type Awaitable, effect, type Mutex, type Operation, type VfioErrno } from '@vfiokit/locking'
import { sriovInfo } from '@vfiokit/topology'
import {
  DEVICE_FLAGS,
  DEVICE_INFO,
  DEVICE_INFO_MIN_BYTES,
  DEVICE_IOCTL,
  type DeviceDriver,
  type DeviceFeature,
  type DmaLoggingOps,
  type IoctlCall,
  type MapAdmission,
  type MigrationOps,
  PCI_IRQ,
  PCI_REGION,
  type Transfer,
  unknownIoctl,
  type VfioDevice,
  VfioError,
  type VmaBacking,
} from '@vfiokit/vfio-core'
import { CapabilityTable } from './config/capability-handler.ts'
import { readConfig, writeConfig } from './config/config-access.ts'
import { COMMAND, HEADER } from './config/register-permissions.ts'
import { PCI_FEATURES } from './feature/pci-features.ts'
import { argumentIn } from './ioctl-argument.ts'
import { interruptInfo } from './irq/interrupt-kind.ts'
import { disownMessages, ownMessages } from './irq/message-vectors.ts'
import { admitMapping } from './mapping/map-admission.ts'
import { OpenPciDevice } from './open-pci-device.ts'
import type { PciBus } from './pci-bus.ts'
import { PluginCalls } from './plugin-calls.ts'
import { DevicePower } from './power/device-power.ts'
import { LowPower } from './power/low-power.ts'
import { powerUp } from './power/power-state.ts'
import { BarAccess } from './region/bar-access.ts'
import type { RegionPlace } from './region/device-region.ts'
import { openRegions } from './region/open-regions.ts'
import { pluginHost } from './region/plugin-host.ts'
import { readRegion, readRegionNow, writeRegion, writeRegionNow } from './region/region-access.ts'
import { regionInfo } from './region/region-info.ts'
import { readRom } from './region/rom-access.ts'
import { accessVga } from './region/vga-access.ts'
import { migrationReset, resetByIoctl, tryResetByMethods, tryResetFunction } from './reset/function-reset.ts'
import { hotResetByIoctl } from './reset/hot-reset.ts'
import { hotResetInfo } from './reset/hot-reset-info.ts'
import { lastCloseReset } from './reset/last-close-reset.ts'
import { SavedState } from './reset/saved-state.ts'
import { admitByToken, VfToken } from './sriov/vf-token.ts'
import { openVariant } from './variant/open-variant.ts'
import type { VariantDriver } from './variant/variant-driver.ts'

const REGION_SPAN = 2 ** 40

interface Opened {
  readonly state: OpenPciDevice
  readonly bars: BarAccess
  /** The function as it was found, put back at last close. */
  readonly found: SavedState
}

/** One function under vfio-pci. */
export class VfioPciDevice implements DeviceDriver {
  /** Used, and not resettable on its own at last close: the whole set has to be reset some time. */
  needsReset = false
  readonly power: DevicePower
  readonly lowPower: LowPower
  /** Of a function with SR-IOV. */
  readonly vfToken: VfToken | undefined
  readonly #igate: Mutex
  readonly #ioeventfdsLock: Mutex
  /** The driver that a plugin has for the function. */
  readonly #variant: { readonly driver: VariantDriver; readonly stateLock: Mutex } | undefined
  #opened: Opened | undefined

  constructor(
    readonly bus: PciBus,
    readonly device: VfioDevice,
    readonly hardware: PciHardware,
  ) {
    const { core, disableIdleD3 } = bus
    ownMessages(hardware)
    this.#igate = core.locks.mutex(`igate:${device.id}`)
    this.#ioeventfdsLock = core.locks.mutex(`ioeventfds_lock:${device.id}`)
    const { identity } = hardware
    const hasVirtualFunctions = () => bus.topology.virtualFunctions(identity.bdf).length > 0
    this.power = new DevicePower({ hardware, profile: core.profile, disableIdleD3, hasVirtualFunctions })
    this.lowPower = new LowPower(device, this.power, bus.machine.clock)
    const driver = bus.variants.driverFor(identity)
    this.#variant = driver && { driver, stateLock: core.locks.mutex(`state_mutex:${device.id}`) }
    this.vfToken = sriovInfo(identity) === undefined ? undefined : new VfToken()
  }

  /** What exists while the device is open. */
  get open(): OpenPciDevice | undefined {
    return this.#opened?.state
  }

  admitToken(shown: string | undefined): VfioErrno | undefined {
    const refused = admitByToken({ own: this.vfToken, physical: this.#physicalToken() }, shown)
    const variant = this.#variant?.driver
    if (refused !== undefined || variant?.match === undefined) return refused
    const calls = new PluginCalls(variant.name, this.device.id, this.bus.log)
    return calls.errno('match', () => variant.match!(this.hardware.identity, shown))
  }

  /** Kernel: `vfio_pci_core_enable`. EAGAIN while somebody else has the function locked. */
  *enable(): Operation<VfioErrno | undefined> {
    const { hardware, bus, device } = this
    yield* effect(`power up ${device.id}`, [undefined], () => this.#decode())
    const errno = yield* tryResetFunction(hardware, bus.locks)
    return yield* effect<VfioErrno | undefined>(`enable ${device.id}`, [errno], () => {
      if (errno === 'EAGAIN') {
        this.power.idle()
        return errno
      }
      this.#enable(errno === undefined)
      return undefined
    })
  }

  /** Kernel: `vfio_pci_core_disable`. */
  *disable(): Operation<void> {
    const { hardware, bus, device } = this
    const { state, found } = this.#use()
    yield* state.interrupts.close()
    yield* state.ioeventfds.close()
    yield* migrationReset(state)
    yield* effect(`disable ${device.id}`, [undefined], () => this.#letGo(state))
    const errno = state.resetWorks ? yield* tryResetByMethods(hardware, bus.locks) : 'ENOTTY'
    yield* effect(`restore ${device.id}`, [undefined], () => {
      this.needsReset = errno !== undefined
      found.restore()
    })
    yield* lastCloseReset(bus, device)
    yield* effect(`idle ${device.id}`, [undefined], () => {
      device.cells.power.backing.write('D0')
      this.power.idle()
    })
  }

  powered<T>(use: Operation<T>): Operation<T> {
    return this.lowPower.awake(use)
  }

  *ioctl(call: IoctlCall): Operation<number> {
    const refused = this.#use().state.variant?.refuseIoctl(call.request)
    if (refused !== undefined) throw new VfioError(refused, 'plugin-refused', `ioctl of ${this.device.id}`)
    switch (call.request) {
      case DEVICE_IOCTL.DEVICE_GET_INFO:
        return this.#info(call.argument)
      case DEVICE_IOCTL.DEVICE_GET_REGION_INFO:
        return yield* regionInfo(this.#use().state, call.argument)
      case DEVICE_IOCTL.DEVICE_GET_IRQ_INFO:
        return interruptInfo(this.#use().state, call.argument)
      case DEVICE_IOCTL.DEVICE_SET_IRQS:
        return yield* this.#use().state.interrupts.set(call)
      case DEVICE_IOCTL.DEVICE_IOEVENTFD:
        return yield* this.#use().state.ioeventfds.set(call)
      case DEVICE_IOCTL.DEVICE_RESET:
        yield* resetByIoctl(this.#use().state)
        return 0
      case DEVICE_IOCTL.DEVICE_GET_PCI_HOT_RESET_INFO:
        return hotResetInfo(this.bus, this.device, call)
      case DEVICE_IOCTL.DEVICE_PCI_HOT_RESET:
        return yield* hotResetByIoctl(this.bus, this.device, call)
      default:
        throw unknownIoctl(`device ${this.device.id}`, call.request)
    }
  }

  read(transfer: Transfer): Operation<number> {
    const { state, bars } = this.#use()
    const { index, at } = split(transfer.offset)
    const own = state.regionAt(index)
    if (own !== undefined) return readRegion(own, transfer, at)
    if (index <= PCI_REGION.BAR5) return bars.bar('read', transfer, index, at)
    if (index === PCI_REGION.ROM) return readRom(bars, transfer, at)
    if (index === PCI_REGION.CONFIG) return readConfig(state, transfer, at)
    if (index === PCI_REGION.VGA) return accessVga('read', bars, transfer, at)
    throw this.#noRegion(index)
  }

  write(transfer: Transfer): Operation<number> {
    const { state, bars } = this.#use()
    const { index, at } = split(transfer.offset)
    const own = state.regionAt(index)
    if (own !== undefined) return writeRegion(own, transfer, at)
    if (index <= PCI_REGION.BAR5) return bars.bar('write', transfer, index, at)
    if (index === PCI_REGION.ROM) throw new VfioError('EINVAL', 'read-only', `the ROM of ${this.device.id}`)
    if (index === PCI_REGION.CONFIG) return writeConfig(state, transfer, at)
    if (index === PCI_REGION.VGA) return accessVga('write', bars, transfer, at)
    throw this.#noRegion(index)
  }

  readNow(offset: number, out: Uint8Array): Awaitable<number> | undefined {
    if (this.lowPower.isEngaged) return undefined
    const { state, bars } = this.#use()
    const { index, at } = split(offset)
    const own = state.regionAt(index)
    return own === undefined ? bars.now('read', index, at, out) : readRegionNow(own, at, out)
  }

  writeNow(offset: number, data: Uint8Array): Awaitable<number> | undefined {
    if (this.lowPower.isEngaged) return undefined
    const { state, bars } = this.#use()
    const { index, at } = split(offset)
    const own = state.regionAt(index)
    return own === undefined ? bars.now('write', index, at, data) : writeRegionNow(own, at, data)
  }

  mmap(admission: MapAdmission): VmaBacking {
    return admitMapping(this.#use().state, admission)
  }

  get migration(): MigrationOps | undefined {
    return this.open?.variant?.migration
  }

  get dmaLogging(): DmaLoggingOps | undefined {
    return this.open?.variant?.dmaLogging
  }

  variantFeature(index: number): DeviceFeature | undefined {
    return this.open?.variant?.feature(index)
  }

  feature(index: number): DeviceFeature | undefined {
    if (this.open?.variant?.hasCoreFeatures === false) return undefined
    return PCI_FEATURES.get(index)?.(this)
  }

  /** The function goes to whoever wants it next: awake, and with messages of its own. */
  giveUp(): void {
    this.power.active()
    disownMessages(this.hardware)
  }

  /** Wakes it for a reset of somebody who excludes its readers. */
  awakeForReset(): void {
    if (this.open === undefined) this.power.active()
    else this.lowPower.wakeExclusively()
  }

  /** Back to what it was before {@link awakeForReset} or {@link keepOn}. */
  afterReset(): void {
    if (this.open === undefined) this.power.idle()
    else this.lowPower.relax()
  }

  /** Virtual functions need it in D0. Kernel: `vfio_pci_core_sriov_configure`. */
  keepOn(): void {
    this.awakeForReset()
    this.power.change('D0')
    this.device.cells.power.backing.write('D0')
  }

  /** Kernel: `pci_clear_master`, `pci_enable_device`. */
  #decode(): void {
    this.power.active()
    powerUp(this.hardware)
    const command = this.hardware.readConfig(HEADER.COMMAND, 2)
    this.hardware.writeConfig(HEADER.COMMAND, 2, (command & ~COMMAND.MASTER) | this.#decodeBits())
  }

  #enable(resetWorks: boolean): void {
    const { hardware, device, bus } = this
    const found = new SavedState(hardware)
    const { locks, core } = bus
    const { power } = this
    const state = new OpenPciDevice({
      device,
      hardware,
      memory: bus.machine.memory,
      resetWorks,
      capabilities: new CapabilityTable(hardware.identity, bus.capabilityHandlers, bus.log),
      power,
      locks,
      profile: core.profile,
      interruptController: bus.machine.interruptController,
      nointxmask: bus.nointxmask,
      igate: this.#igate,
      ioeventfdsLock: this.#ioeventfdsLock,
    })
    this.#addPlugins(state)
    state.declareZapRanges()
    this.#physicalToken()?.countUser(1)
    this.#opened = { state, found, bars: new BarAccess(state, core.profile.barAccessMaxBytes) }
  }

  /** What plugins add, once there is all that they may look at. Kernel: between enable and finish_enable. */
  #addPlugins(state: OpenPciDevice): void {
    const { hardware, bus } = this
    const hostOf = (plugin: string) => pluginHost(state, bus, plugin)
    const place: RegionPlace = { hardware, memory: bus.machine.memory, log: bus.log }
    const chosen = this.#variant
    const variant = chosen && openVariant(chosen.driver, hostOf(chosen.driver.name), place, chosen.stateLock)
    const own = variant?.regions ?? []
    const { regions, idle } = openRegions(hostOf, place, bus.providers, own.length)
    state.extend({ regions: [...own, ...regions], variant, idle })
  }

  #letGo(state: OpenPciDevice): void {
    state.closePlugins()
    this.bus.dma.unwatch(this.device.id)
    this.#opened = undefined
    this.#physicalToken()?.countUser(-1)
    this.lowPower.end()
    this.power.resume()
    this.power.beforeReset()
    this.hardware.writeConfig(HEADER.COMMAND, 2, COMMAND.INTX_DISABLE)
  }

  /** The token of its physical function, if that is under vfio. */
  #physicalToken(): VfToken | undefined {
    const { physfn } = this.hardware.identity
    return physfn === undefined ? undefined : this.bus.driverAt(physfn)?.vfToken
  }

  /** What its BARs need to answer; a ROM needs nothing until it is read. */
  #decodeBits(): number {
    const bars = this.hardware.resources.filter(({ bar }) => bar !== 'rom')
    const kinds = new Set(bars.map(({ kind }) => kind))
    return (kinds.has('memory') ? COMMAND.MEMORY : 0) | (kinds.has('io') ? COMMAND.IO : 0)
  }

  #info(argument: Uint8Array): number {
    const { state } = this.#use()
    argumentIn(DEVICE_INFO, argument, DEVICE_INFO_MIN_BYTES)
    DEVICE_INFO.write(argument, {
      flags: DEVICE_FLAGS.PCI | (state.resetWorks ? DEVICE_FLAGS.RESET : 0),
      num_regions: PCI_REGION.FIRST_DEVICE_SPECIFIC + state.regions.length,
      num_irqs: PCI_IRQ.COUNT,
    })
    return 0
  }

  #use(): Opened {
    if (this.#opened === undefined) throw new TypeError(`${this.device.id} is not open`)
    return this.#opened
  }

  #noRegion(index: number): VfioError {
    return new VfioError('EINVAL', 'bad-index', `${this.device.id} has no region ${index}`)
  }
}

/** Which region a file offset lies in, and where. */
function split(offset: number): { readonly index: number; readonly at: number } {
  const index = Math.floor(offset / REGION_SPAN)
  return { index, at: offset - index * REGION_SPAN }
}
