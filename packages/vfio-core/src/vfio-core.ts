/** The core of one host: its groups, devices, sets and processes. */
import { type AnyLockingStrategy, LockRegistry } from '@vfiokit/locking'
import { DeviceNumbers } from './device-numbers.ts'
import { DeviceSet } from './device-set.ts'
import { EngineCalls } from './engine-calls.ts'
import { Group } from './group.ts'
import { type KernelProfile, kernelProfile } from './kernel-profile.ts'
import { Process } from './mm/process.ts'
import type { VfioDevice } from './vfio-device.ts'

/** What makes a core. */
export interface VfioCoreOptions {
  readonly strategy: AnyLockingStrategy
  readonly profile?: KernelProfile
  readonly locks?: LockRegistry
}

/** Everything that vfio-core knows. */
export class VfioCore {
  readonly strategy: AnyLockingStrategy
  readonly profile: KernelProfile
  readonly locks: LockRegistry
  readonly #groups = new Map<number, Group>()
  readonly #sets = new Map<string, DeviceSet>()
  readonly #devices = new Map<string, VfioDevice>()
  readonly #numbers = new DeviceNumbers()
  readonly #processes = new Map<string, EngineCalls>()

  constructor(options: VfioCoreOptions) {
    this.strategy = options.strategy
    this.profile = options.profile ?? kernelProfile()
    this.locks = options.locks ?? new LockRegistry()
  }

  get groups(): ReadonlyMap<number, Group> {
    return this.#groups
  }

  /** Registered devices by name, in order of registration. */
  get devices(): ReadonlyMap<string, VfioDevice> {
    return this.#devices
  }

  /**
   * Adds an IOMMU group; devices join it when they are registered.
   *
   * @throws TypeError for a number that is taken.
   */
  addGroup(number: number, foreignDriver: () => string | undefined): Group {
    if (this.#groups.has(number)) throw new TypeError(`group ${number} exists already`)
    const group = new Group(number, this.locks, foreignDriver)
    this.#groups.set(number, group)
    return group
  }

  /** The set of that key; the first mention makes it. Kernel: `vfio_assign_device_set`. */
  deviceSet(key: string): DeviceSet {
    let set = this.#sets.get(key)
    if (set === undefined) {
      set = new DeviceSet(key, this.strategy, this.locks)
      this.#sets.set(key, set)
    }
    return set
  }

  /**
   * Makes a registered device findable by name, and gives it the lowest number that is free.
   *
   * @throws TypeError for a name that is taken.
   */
  addDevice(device: VfioDevice): void {
    if (this.#devices.has(device.id)) throw new TypeError(`device ${device.id} exists already`)
    device.number = this.#numbers.give(device)
    this.#devices.set(device.id, device)
  }

  /** Undoes {@link addDevice}. */
  removeDevice(device: VfioDevice): void {
    this.#devices.delete(device.id)
    if (device.number !== undefined) this.#numbers.takeBack(device.number)
    device.number = undefined
  }

  /** The device of `/dev/vfio/devices/vfioN`. */
  deviceAt(number: number): VfioDevice | undefined {
    return this.#numbers.at(number)
  }

  /** The calls of a process; the first mention starts it. */
  process(id: string): EngineCalls {
    const known = this.#processes.get(id)
    if (known !== undefined) return known
    const mmapLock = this.locks.rwsem(`mmap_lock:${id}`)
    mmapLock.takenByFault = true
    const calls = new EngineCalls(this, new Process(id, mmapLock))
    this.#processes.set(id, calls)
    return calls
  }

  /** Every process by name. */
  get processes(): ReadonlyMap<string, EngineCalls> {
    return this.#processes
  }
}
