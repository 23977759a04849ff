/** The vfio-pci driver of one function: what the core asks of a device. Kernel: `vfio_pci_core_device`. */
import type { PciHardware } from '@vfiokit/hardware'
import { type Awaitable, effect, type Mutex, type Operation, type VfioErrno } from '@vfiokit/locking'
import {
  copyFromUser,
  copyToUser,
  DEVICE_FLAGS,
  DEVICE_INFO,
  DEVICE_INFO_MIN_BYTES,
  DEVICE_IOCTL,
  type DeviceDriver,
  type IoctlCall,
  lengthOf,
  type MapAdmission,
  PCI_IRQ,
  PCI_REGION,
  type Transfer,
  unknownIoctl,
  type VfioDevice,
  VfioError,
  type VmaBacking,
} from '@vfiokit/vfio-core'
import { readConfig, writeConfig } from './config/config-access.ts'
import { COMMAND, HEADER } from './config/register-permissions.ts'
import { argumentIn } from './ioctl-argument.ts'
import { IoEventfds } from './irq/ioeventfds.ts'
import { irqInfo } from './irq/irq-count.ts'
import { admitMapping } from './mapping/map-admission.ts'
import { OpenPciDevice } from './open-pci-device.ts'
import type { PciBus } from './pci-bus.ts'
import { powerUp } from './power/power-state.ts'
import { BarAccess } from './region/bar-access.ts'
import type { DeviceRegion } from './region/device-region.ts'
import { openRegions } from './region/open-regions.ts'
import { regionInfo } from './region/region-info.ts'
import { readRom } from './region/rom-access.ts'
import { resetByIoctl, resetByMethods } from './reset/function-reset.ts'
import { hotResetByIoctl } from './reset/hot-reset.ts'
import { hotResetInfo } from './reset/hot-reset-info.ts'
import { lastCloseReset } from './reset/last-close-reset.ts'
import { SavedState } from './reset/saved-state.ts'

const REGION_SPAN = 2 ** 40

interface Opened {
  readonly state: OpenPciDevice
  readonly bars: BarAccess
  readonly ioeventfds: IoEventfds
  /** The function as it was found, put back at last close. */
  readonly found: SavedState
}

/** One function under vfio-pci. */
export class VfioPciDevice implements DeviceDriver {
  /** Used, and not resettable on its own at last close: the whole set has to be reset some time. */
  needsReset = false
  /** Held by whoever changes interrupts. */
  readonly igate: Mutex
  readonly #ioeventfdsLock: Mutex
  #opened: Opened | undefined

  constructor(
    readonly bus: PciBus,
    readonly device: VfioDevice,
    readonly hardware: PciHardware,
  ) {
    const { locks } = bus.core
    this.igate = locks.mutex(`igate:${device.id}`)
    this.#ioeventfdsLock = locks.mutex(`ioeventfds_lock:${device.id}`)
  }

  /** What exists while the device is open. */
  get open(): OpenPciDevice | undefined {
    return this.#opened?.state
  }

  *enable(): Operation<VfioErrno | undefined> {
    return yield* effect<VfioErrno | undefined>(`enable ${this.device.id}`, [undefined], () => {
      this.#enable()
      return undefined
    })
  }

  *disable(): Operation<void> {
    yield* effect(`disable ${this.device.id}`, [undefined], () => this.#disable())
    yield* effect(`last close of ${this.device.set.id}`, [undefined], () =>
      lastCloseReset(this.bus, this.device),
    )
  }

  *ioctl(call: IoctlCall): Operation<number> {
    switch (call.request) {
      case DEVICE_IOCTL.DEVICE_GET_INFO:
        return this.#info(call.argument)
      case DEVICE_IOCTL.DEVICE_GET_REGION_INFO:
        return yield* regionInfo(this.#use().state, call.argument)
      case DEVICE_IOCTL.DEVICE_GET_IRQ_INFO:
        return irqInfo(this.#use().state, this.bus.core.profile, call.argument)
      case DEVICE_IOCTL.DEVICE_SET_IRQS:
        return yield* this.#use().state.interrupts.set(call.process, call.argument)
      case DEVICE_IOCTL.DEVICE_IOEVENTFD:
        return yield* this.#use().ioeventfds.set(call.process, call.argument)
      case DEVICE_IOCTL.DEVICE_RESET:
        yield* resetByIoctl(this.#use().state)
        return 0
      case DEVICE_IOCTL.DEVICE_GET_PCI_HOT_RESET_INFO:
        return hotResetInfo(this.bus, this.device, call.argument)
      case DEVICE_IOCTL.DEVICE_PCI_HOT_RESET:
        return yield* hotResetByIoctl(this.bus, this.device, call)
      default:
        throw unknownIoctl(`device ${this.device.id}`, call.request)
    }
  }

  read(transfer: Transfer): Operation<number> {
    const { state, bars } = this.#use()
    const { index, at } = split(transfer.offset)
    if (index <= PCI_REGION.BAR5) return bars.bar('read', transfer, index, at)
    if (index === PCI_REGION.ROM) return readRom(bars, transfer, at)
    if (index === PCI_REGION.CONFIG) return readConfig(state, transfer, at)
    return readRegion(this.#deviceRegion(index), transfer, at)
  }

  write(transfer: Transfer): Operation<number> {
    const { state, bars } = this.#use()
    const { index, at } = split(transfer.offset)
    if (index <= PCI_REGION.BAR5) return bars.bar('write', transfer, index, at)
    if (index === PCI_REGION.ROM) throw new VfioError('EINVAL', 'read-only', `the ROM of ${this.device.id}`)
    if (index === PCI_REGION.CONFIG) return writeConfig(state, transfer, at)
    return writeRegion(this.#deviceRegion(index), transfer, at)
  }

  readNow(offset: number, out: Uint8Array): Awaitable<number> | undefined {
    const { index, at } = split(offset)
    return this.#use().bars.now('read', index, at, out)
  }

  writeNow(offset: number, data: Uint8Array): Awaitable<number> | undefined {
    const { index, at } = split(offset)
    return this.#use().bars.now('write', index, at, data)
  }

  mmap(admission: MapAdmission): VmaBacking {
    return admitMapping(this.#use().state, admission)
  }

  /** Kernel: `vfio_pci_core_enable`, then the regions of providers. */
  #enable(): void {
    powerUp(this.hardware)
    const command = this.hardware.readConfig(HEADER.COMMAND, 2)
    const decoding = (command & ~COMMAND.MASTER) | this.#decodeBits()
    this.hardware.writeConfig(HEADER.COMMAND, 2, decoding)
    const resetWorks = resetByMethods(this.hardware) === undefined
    const found = new SavedState(this.hardware)
    this.hardware.writeConfig(HEADER.COMMAND, 2, decoding & ~COMMAND.INTX_DISABLE)
    const regions = openRegions(this.hardware, this.bus.providers, this.bus.log)
    const { device, hardware } = this
    const { profile } = this.bus.core
    const { igate } = this
    const { interruptController: controller } = this.bus.machine
    const state = new OpenPciDevice({ device, hardware, regions, resetWorks, controller, profile, igate })
    state.declareZapRanges()
    this.#opened = {
      state,
      found,
      bars: new BarAccess(state, profile.barAccessMaxBytes),
      ioeventfds: new IoEventfds(state, profile, this.#ioeventfdsLock),
    }
  }

  /** Kernel: `vfio_pci_core_disable`. */
  #disable(): void {
    const { state, found, ioeventfds } = this.#use()
    state.interrupts.disable()
    ioeventfds.clear()
    for (const region of state.regions) region.close()
    this.#opened = undefined
    powerUp(this.hardware)
    this.hardware.writeConfig(HEADER.COMMAND, 2, COMMAND.INTX_DISABLE)
    this.needsReset = !(state.resetWorks && resetByMethods(this.hardware) === undefined)
    found.restore()
    this.device.cells.power.backing.write('D0')
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

  #deviceRegion(index: number): DeviceRegion {
    const region = this.#use().state.regions[index - PCI_REGION.FIRST_DEVICE_SPECIFIC]
    if (region === undefined)
      throw new VfioError('EINVAL', 'bad-index', `${this.device.id} has no region ${index}`)
    return region
  }
}

/** Which region a file offset lies in, and where. */
function split(offset: number): { readonly index: number; readonly at: number } {
  const index = Math.floor(offset / REGION_SPAN)
  return { index, at: offset - index * REGION_SPAN }
}

function* readRegion(region: DeviceRegion, transfer: Transfer, at: number): Operation<number> {
  region.requireAccess('read', at)
  const bytes = clipped(region, transfer, at)
  yield* effect(`read of region ${region.index}`, [undefined], () => region.read(at, bytes))
  yield* copyToUser(transfer.process, transfer.buffer, 0, bytes)
  return bytes.length
}

function* writeRegion(region: DeviceRegion, transfer: Transfer, at: number): Operation<number> {
  region.requireAccess('write', at)
  const bytes = clipped(region, transfer, at)
  yield* copyFromUser(transfer.process, transfer.buffer, 0, bytes)
  yield* effect(`write of region ${region.index}`, [undefined], () => region.write(at, bytes))
  return bytes.length
}

/** A plugin sees only ranges that lie inside its region. */
function clipped(region: DeviceRegion, { buffer }: Transfer, at: number): Uint8Array {
  return new Uint8Array(Math.min(lengthOf(buffer), region.sizeBytes - at))
}
