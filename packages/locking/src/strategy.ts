/**
 * The contract of a locking strategy: which locks stand around fault, zap and reset.
 *
 * The engine supplies bodies, the strategy supplies locks and zaps. A strategy never touches a PCI
 * register; the engine never touches a lock that a strategy owns. Strategies and bodies release in
 * try/finally, and nobody abandons a generator: it would keep its locks.
 */
import type { BoundedList } from './bounded-list.ts'
import type { Cell } from './cell.ts'
import type { VfioErrno } from './errno.ts'
import type { GuardedBody } from './guarded.ts'
import type { DeviceHandle, MappingHandle } from './handles.ts'
import type { LockUse } from './lock.ts'
import type { Mutex } from './mutex.ts'
import { isOfKind } from './of-kind.ts'
import type { Body, Operation } from './op.ts'
import type { RwSemaphore } from './rw-semaphore.ts'

/** A set operation that was not done, and why: EBUSY for contention, else what a member answered. */
export class Refused {
  /** Also of what another copy of this package refuses. */
  readonly kind = '@vfiokit/Refused'

  constructor(readonly errno: VfioErrno) {}

  /** Whether the outcome of a set operation is a refusal. */
  static is(outcome: unknown): outcome is Refused {
    return isOfKind(outcome, '@vfiokit/Refused')
  }
}

/**
 * How a fault ended. Kernel: `VM_FAULT_NOPAGE`, `VM_FAULT_SIGBUS`, and `SEGV_MAPERR` when the mapping
 * was gone by the time mmap_lock was held.
 */
export type FaultOutcome = 'nopage' | 'sigbus' | 'sigsegv'

/** What a fault does with the locks of the strategy held. */
export interface FaultBody extends GuardedBody<void> {
  /** It brings in every page of the mapping: who runs second has nothing left to do. */
  readonly whole?: boolean
}

/** A device with the state that a strategy keeps for it. */
export interface GuardedDevice<DeviceState, SetState> extends DeviceHandle {
  readonly state: DeviceState
  readonly set: GuardedSet<SetState>
}

/** Devices that one reset hits, with the state that a strategy keeps for them together. */
export interface GuardedSet<SetState> {
  readonly id: string
  readonly state: SetState
}

/** One device of a hot reset, with what the engine wants done around its lock. */
export interface SetMember<DeviceState, SetState> {
  readonly device: GuardedDevice<DeviceState, SetState>
  /** Before any memory lock, under the set lock if there is one: runtime resume. An errno refuses the whole. */
  readonly prepare?: Body<VfioErrno | undefined>
  /** Undoes a `prepare` that succeeded: once, in reverse order, after the memory locks are released. */
  readonly unprepare?: Body<void>
  /** Ownership: asked in member order, right before the member's lock is tried. An errno refuses the whole. */
  readonly admit: Body<VfioErrno | undefined>
  /** With the member's lock held for writing. */
  readonly locked?: Body<void>
  /** Just before that lock is released: once for every member whose lock was taken. */
  readonly releasing?: Body<void>
}

/** Makes what a strategy keeps. Names become unique by the device or set they are made for. */
export interface StateFactory {
  mutex(name: string): Mutex
  rwsem(name: string): RwSemaphore
  cell<T>(name: string, values: readonly T[]): Cell<T>
  /** A list of the mappings of one device. */
  mappingList(name: string, device: DeviceHandle): BoundedList<MappingHandle>
}

/** What an exclusive section is for: `zap` empties the mappings first, `lock-only` leaves them. */
export type Exclusion = 'zap' | 'lock-only'

/**
 * The locks around memory, mappings and device sets.
 *
 * @typeParam DeviceState - locks, cells and lists kept per device
 * @typeParam SetState - the same per device set
 */
export interface LockingStrategy<DeviceState, SetState> {
  readonly name: string
  /** Whose mappings share an address space, and how internal offsets are laid out. */
  readonly addressSpaces: 'per-device' | 'per-set' | 'per-set-with-ordinals'
  /** What one fault brings in. */
  readonly populate: 'page' | 'mapping'

  deviceState(make: StateFactory, device: DeviceHandle): DeviceState
  setState(make: StateFactory, setId: string): SetState

  /** Locks of whoever touches memory, outermost first. Fault and access are derived from them. */
  readSide(device: GuardedDevice<DeviceState, SetState>): readonly LockUse[]

  /** Only where data is not enough. mmap_lock is held for reading by the caller. */
  fault?(
    device: GuardedDevice<DeviceState, SetState>,
    mapping: MappingHandle,
    body: FaultBody,
  ): Operation<FaultOutcome>

  /** Runs a body with every reader of one device excluded. */
  exclude<T>(device: GuardedDevice<DeviceState, SetState>, effect: Exclusion, body: Body<T>): Operation<T>

  /** Hot reset: every member excluded and zapped, or none and a refusal. */
  excludeSet<T>(
    set: GuardedSet<SetState>,
    members: readonly SetMember<DeviceState, SetState>[],
    body: Body<T>,
  ): Operation<T | Refused>

  /** Open, close and the reset at last close. Outermost; `exclude` may run inside. */
  lifecycle<T>(set: GuardedSet<SetState>, body: Body<T>): Operation<T>

  /** A mapping came to be by fork or split. mmap itself joins no list. */
  vmaOpened?(device: GuardedDevice<DeviceState, SetState>, mapping: MappingHandle): Operation<void>
  /** munmap, under mmap_lock for writing, when its pages are gone already. */
  vmaClosed?(device: GuardedDevice<DeviceState, SetState>, mapping: MappingHandle): Operation<void>

  /**
   * Whether the zap path of this strategy would find a mapping that has pages (I4). Absent: whatever
   * is linked in the address space is found.
   */
  tracks?(device: GuardedDevice<DeviceState, SetState>, mapping: MappingHandle): boolean
}

/** A strategy whose state is its own business: what a host holds. */
// biome-ignore lint/suspicious/noExplicitAny: the state types are between a strategy and itself
export type AnyLockingStrategy = LockingStrategy<any, any>
/** A device under some strategy. */
// biome-ignore lint/suspicious/noExplicitAny: see AnyLockingStrategy
export type AnyGuardedDevice = GuardedDevice<any, any>
