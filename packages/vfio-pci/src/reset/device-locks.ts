/**
 * Locks of PCI devices: held by whoever resets, binds or unbinds one. vfio only ever tries them.
 *
 * Kernel: `device_lock` with `pci_cfg_access_lock`, as in `pci_dev_trylock`.
 */
import type { PciHardware } from '@vfiokit/hardware'
import {
  type Body,
  type Mutex,
  type Operation,
  release,
  run,
  type StateFactory,
  tryAcquire,
} from '@vfiokit/locking'
import type { Bdf } from '@vfiokit/topology'
import type { KernelProfile } from '@vfiokit/vfio-core'
import type { AffectedFunctions } from './affected-functions.ts'

/** The lock of each function of a machine, made when it is first asked for. */
export class DeviceLocks {
  readonly #locks = new Map<Bdf, Mutex>()

  constructor(
    readonly make: StateFactory,
    readonly profile: Pick<KernelProfile, 'functionResetLocksBridge' | 'busResetLocksBridge'>,
  ) {}

  of(bdf: Bdf): Mutex {
    let lock = this.#locks.get(bdf)
    if (lock === undefined) {
      lock = this.make.mutex(`device_lock:${bdf}`)
      this.#locks.set(bdf, lock)
    }
    return lock
  }

  /** What a reset of one function locks, in this order. */
  forFunctionReset({ bdf, identity: { parent } }: PciHardware): readonly Bdf[] {
    return this.profile.functionResetLocksBridge && parent !== undefined ? [parent, bdf] : [bdf]
  }

  /** What a reset of a slot or bus locks. */
  forBusReset({ bridge, functions }: AffectedFunctions): readonly Bdf[] {
    return this.profile.busResetLocksBridge ? [bridge, ...functions] : functions
  }

  /** Runs something with all of these locked, or answers EAGAIN: all or none. */
  *tryWith<T>(functions: readonly Bdf[], body: Body<T>): Operation<T | 'EAGAIN'> {
    const held: Mutex[] = []
    try {
      for (const bdf of functions) {
        const lock = this.of(bdf)
        if (!(yield* tryAcquire(lock))) return 'EAGAIN'
        held.push(lock)
      }
      return yield* run(body)
    } finally {
      for (const lock of held.reverse()) yield* release(lock)
    }
  }
}
