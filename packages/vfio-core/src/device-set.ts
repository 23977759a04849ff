/** Devices that one slot or bus reset hits together. Kernel: `struct vfio_device_set`. */
import type { AnyLockingStrategy, GuardedSet, StateFactory } from '@vfiokit/locking'
import { AddressSpace } from './mm/address-space.ts'
import type { VfioDevice } from './vfio-device.ts'

/** A set lasts from the registration of its first device to the release of its last. */
export class DeviceSet implements GuardedSet<unknown> {
  readonly state: unknown
  /** In order of registration, which is the order of every walk over the set. */
  readonly devices: VfioDevice[] = []
  #sharedSpace: AddressSpace | undefined
  #ordinals = 0

  /**
   * @param id - What makes the set: a slot, a bus, or the one device.
   */
  constructor(
    readonly id: string,
    readonly strategy: AnyLockingStrategy,
    make: StateFactory,
  ) {
    this.state = strategy.setState(make, id)
  }

  /** A number for a device that joins, never given out twice: two that join must not share pages. */
  takeOrdinal(): number {
    return this.#ordinals++
  }

  /** The address space of a device that joins: its own, or the one of the set. */
  addressSpaceFor(deviceId: string): AddressSpace {
    if (this.strategy.addressSpaces === 'per-device') return new AddressSpace(`i_mmap:${deviceId}`)
    this.#sharedSpace ??= new AddressSpace(`i_mmap:${this.id}`)
    return this.#sharedSpace
  }
}
