/**
 * What an op is, told by its kind and never by its class: a plugin may bring a copy of this package of its
 * own, and what that copy makes has other classes. See docs/adr/0005-copies-of-a-package.md.
 */
import type { Listed, ListFirstOp, ListOp } from './bounded-list.ts'
import type { GetOp, SetOp } from './cell.ts'
import type { AssertOp, EffectOp, MarkOp } from './effect.ts'
import type { LockOp } from './lock.ts'
import type { Op, OpKind } from './op.ts'
import type { AccessOp, InsertOp, IsLinkedOp, ZapMappingOp, ZapOp } from './page-ops.ts'

/** The shape of the ops of each kind. */
export interface OpsByKind {
  readonly acquire: LockOp<void>
  readonly 'try-acquire': LockOp<boolean>
  readonly release: LockOp<void>
  readonly get: GetOp<unknown>
  readonly set: SetOp<unknown>
  readonly 'list-first': ListFirstOp<Listed>
  readonly 'list-add': ListOp<Listed, void>
  readonly 'list-remove': ListOp<Listed, void>
  readonly 'list-has': ListOp<Listed, boolean>
  readonly zap: ZapOp
  readonly 'zap-mapping': ZapMappingOp
  readonly access: AccessOp
  readonly insert: InsertOp
  readonly 'is-linked': IsLinkedOp
  /** Only the model that makes them knows more. */
  readonly link: Op<unknown>
  readonly effect: EffectOp<unknown>
  readonly label: MarkOp
  readonly enter: MarkOp
  readonly leave: MarkOp
  readonly progress: MarkOp
  readonly assert: AssertOp
}

/**
 * Whether an op is of one kind, and so has the shape that this kind has.
 *
 * @example
 * ```ts
 * import { isOp, Mutex, acquire, type Op } from '@vfiokit/locking'
 *
 * const op: Op<unknown> = acquire(new Mutex('m', { fair: true }))
 * console.log(isOp(op, 'zap'), isOp(op, 'acquire') && op.lock.name) // => false m
 * ```
 */
export function isOp<K extends OpKind>(op: Op<unknown>, kind: K): op is OpsByKind[K] {
  return op.kind === kind
}

/** Whether an op works on a lock. */
export function isLockOp(op: Op<unknown>): op is LockOp<unknown> {
  const { kind } = op
  return kind === 'acquire' || kind === 'release' || kind === 'try-acquire'
}

/** Whether an op only says something to the driver. */
export function isMarkOp(op: Op<unknown>): op is MarkOp {
  const { kind } = op
  return kind === 'enter' || kind === 'leave' || kind === 'label' || kind === 'progress'
}
