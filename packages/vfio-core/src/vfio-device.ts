/** A device that vfio knows: registered, opened, mapped. Kernel: `struct vfio_device`. */
import {
  type AnyLockingStrategy,
  type DeviceCells,
  markFaultLocks,
  type PageRange,
  type ProtocolDevice,
  type StateFactory,
} from '@vfiokit/locking'
import type { DeviceDriver } from './device-driver.ts'
import { DeviceLifecycle } from './device-lifecycle.ts'
import type { DeviceSet } from './device-set.ts'
import { DmaBufExports } from './dma-buf/dma-buf-exports.ts'
import type { Group } from './group.ts'
import type { AddressSpace } from './mm/address-space.ts'
import { AddressSpaceLayout } from './mm/address-space-layout.ts'
import type { Vma } from './mm/vma.ts'

/** What makes a device. */
export interface VfioDeviceInit {
  /** Its name on the bus, such as a BDF; GROUP_GET_DEVICE_FD takes it, so it has no space in it. */
  readonly id: string
  readonly group: Group
  readonly set: DeviceSet
  readonly cells: DeviceCells
  readonly make: StateFactory
}

/** One device, bus-agnostic. A driver attaches itself before registration. */
export class VfioDevice implements ProtocolDevice {
  readonly id: string
  /** N of `/dev/vfio/devices/vfioN`, from its registration on. */
  number: number | undefined
  readonly group: Group
  readonly set: DeviceSet
  readonly cells: DeviceCells
  readonly lifecycle: DeviceLifecycle = new DeviceLifecycle()
  readonly addressSpace: AddressSpace
  readonly layout: AddressSpaceLayout
  // biome-ignore lint/suspicious/noExplicitAny: belongs to the strategy, nobody here looks inside
  readonly state: any
  readonly mappings: Set<Vma> = new Set()
  /** What other devices were given of its memory. */
  readonly exports: DmaBufExports = new DmaBufExports()
  /** Kept by the mappings: how many pages would have to go if the memory of the device went. */
  presentBarPages = 0
  #driver: DeviceDriver | undefined
  #zapRanges: readonly PageRange[] = []
  #released: () => void = () => {}

  /** @throws TypeError for a name that GROUP_GET_DEVICE_FD could not take. */
  constructor(init: VfioDeviceInit) {
    if (!/^[^ \0]+$/.test(init.id)) throw new TypeError(`"${init.id}" is no name of a device`)
    this.id = init.id
    this.group = init.group
    this.set = init.set
    this.cells = init.cells
    this.addressSpace = init.set.addressSpaceFor(init.id)
    this.layout = new AddressSpaceLayout(this.strategy.addressSpaces, init.set.takeOrdinal())
    this.state = this.strategy.deviceState(init.make, this)
    markFaultLocks(this.strategy.readSide(this))
  }

  get strategy(): AnyLockingStrategy {
    return this.set.strategy
  }

  get zapRanges(): readonly PageRange[] {
    return this.#zapRanges
  }

  /** Its exports, when there are any. */
  get exported(): DmaBufExports | undefined {
    return this.exports.buffers.size > 0 ? this.exports : undefined
  }

  /** The bus driver. */
  get driver(): DeviceDriver {
    if (this.#driver === undefined) throw new TypeError(`${this.id} has no driver yet`)
    return this.#driver
  }

  /** Gives the device its driver and makes it known to its group and set. */
  register(driver: DeviceDriver): void {
    this.lifecycle.handle('register')
    this.#driver = driver
    this.set.devices.push(this)
    this.group.add(this)
  }

  /**
   * Nobody can open it any more; its group and set forget it when nobody has it open.
   *
   * @param released - Called then: at once, or by the last close. Kernel: `vfio_unregister_group_dev`.
   */
  unregister(released: () => void = () => {}): void {
    this.lifecycle.handle('unregister')
    this.#released = released
    if (this.lifecycle.state === 'released') this.#release()
  }

  /** Its last file was closed. */
  closed(): void {
    this.lifecycle.handle('close')
    if (this.lifecycle.state === 'released') this.#release()
  }

  #release(): void {
    this.set.devices.splice(this.set.devices.indexOf(this), 1)
    this.group.remove(this)
    this.#released()
  }

  /**
   * Says what goes with the memory of the device.
   *
   * @param ranges - In pages as the user sees them.
   */
  zapWithMemory(ranges: readonly PageRange[]): void {
    this.#zapRanges = ranges.map(({ first, last }) => ({
      first: this.layout.place(first, true),
      last: this.layout.place(last, true),
    }))
  }

  /** Makes a mapping known to whoever takes pages away. */
  link(vma: Vma): void {
    this.addressSpace.link(vma)
    this.mappings.add(vma)
    vma.isLinked = true
  }

  /** Undoes {@link link}. */
  unlink(vma: Vma): void {
    this.addressSpace.unlink(vma)
    this.mappings.delete(vma)
    vma.isLinked = false
  }
}
