/** An IOMMU group: what can only be given away together. Kernel: `struct vfio_group`. */
import type { Mutex, StateFactory } from '@vfiokit/locking'
import type { ContainerFile } from './container-file.ts'
import type { GroupFile } from './group-file.ts'
import type { DmaDomain } from './iommu/device-dma.ts'
import type { Ioas } from './iommufd/ioas.ts'
import type { VfioDevice } from './vfio-device.ts'

/** One group of a host. */
export class Group {
  readonly #devices = new Map<string, VfioDevice>()
  /** Serialises open, close and container changes. Kernel: `group_lock`. */
  readonly lock: Mutex
  /** The one open file; a second open is refused. */
  opened: GroupFile | undefined
  container: ContainerFile | undefined
  /** Bound to an iommufd: while there are such, the group cannot be opened. Kernel: `cdev_device_open_cnt`. */
  boundDevices = 0
  /** What devices that are bound see. */
  ioas: Ioas | undefined

  /**
   * @param number - As in `/dev/vfio/<number>`.
   * @param foreignDriver - Names a member that a driver owns for DMA of its own, or undefined when
   *   everything in the group may be given away.
   */
  constructor(
    readonly number: number,
    make: StateFactory,
    readonly foreignDriver: () => string | undefined,
  ) {
    this.lock = make.mutex(`group_lock:${number}`)
  }

  /** Devices that vfio drives, by name. */
  get devices(): ReadonlyMap<string, VfioDevice> {
    return this.#devices
  }

  /** @throws TypeError for a name that is there already. Kernel: `vfio_group_has_device`. */
  add(device: VfioDevice): void {
    if (this.#devices.has(device.id))
      throw new TypeError(`group ${this.number} has a device ${device.id} already`)
    this.#devices.set(device.id, device)
  }

  remove(device: VfioDevice): void {
    this.#devices.delete(device.id)
  }

  /** What the devices of the group see of memory; undefined: nothing, every DMA is blocked. */
  get domain(): DmaDomain | undefined {
    return this.container?.iommu ?? this.ioas
  }

  /** Whether every member may be given to a user. */
  get isViable(): boolean {
    return this.foreignDriver() === undefined
  }
}
