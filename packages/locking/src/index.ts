/**
 * Operations, Linux-like locks, three drivers and the guarded protocol of BAR mappings.
 *
 * Write what may block once, as a generator of ops; run it live, under a seeded scheduler, or record it.
 * @packageDocumentation
 */
export { BoundedList, type Listed, ListFirstOp, ListOp } from './bounded-list.ts'
export { Cell, type CellBacking, DerivedCell, GetOp, get, type Readable, SetOp, set } from './cell.ts'
export {
  type BlockedTask,
  ControlledDriver,
  type ControlledOptions,
  type ControlledOutcome,
  type StepEvent,
  type Watcher,
} from './driver/controlled.ts'
export { HeldLocks } from './driver/held-locks.ts'
export { guardedLive, runLive } from './driver/live.ts'
export { type PctOptions, pctSchedule } from './driver/pct-schedule.ts'
export { ProtocolError, type ProtocolRule } from './driver/protocol-error.ts'
export { type RecordedStep, type Recording, record } from './driver/recording.ts'
export { type Runnable, randomSchedule, type Schedule } from './driver/schedule.ts'
export {
  AssertOp,
  assert,
  EffectOp,
  type EffectSubject,
  effect,
  label,
  MarkOp,
  progress,
  scoped,
} from './effect.ts'
export { ERRNO_NUMBERS, type VfioErrno } from './errno.ts'
export { DENIED, type Denied, type GuardedBody, guarded } from './guarded.ts'
export type {
  AddressSpaceHandle,
  DeviceHandle,
  MappingHandle,
  PageRange,
  ProcessHandle,
} from './handles.ts'
export {
  acquire,
  Lock,
  type LockMode,
  LockOp,
  type LockOpKind,
  type LockOptions,
  type LockUse,
  markFaultLocks,
  release,
  tryAcquire,
  type Waiter,
} from './lock.ts'
export { LockRegistry } from './lock-registry.ts'
export { Mutex } from './mutex.ts'
export {
  type Awaitable,
  type Body,
  Op,
  type Operation,
  type OpKind,
  type OpResult,
  run,
  runOptional,
  type Step,
} from './op.ts'
export { isLockOp, isMarkOp, isOp, type OpsByKind } from './op-kinds.ts'
export {
  AccessOp,
  access,
  InsertOp,
  IsLinkedOp,
  insert,
  isLinked,
  ZapMappingOp,
  ZapOp,
  zap,
  zapMapping,
} from './page-ops.ts'
export * from './protocol/index.ts'
export { READERS_WOKEN_MAX, RwSemaphore } from './rw-semaphore.ts'
export {
  type AnyGuardedDevice,
  type AnyLockingStrategy,
  type Exclusion,
  type FaultBody,
  type FaultOutcome,
  type GuardedDevice,
  type GuardedSet,
  type LockingStrategy,
  Refused,
  type SetMember,
  type StateFactory,
} from './strategy.ts'
export { unwind } from './unwind.ts'
