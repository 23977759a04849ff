/**
 * Ops that reach out of the protocol: hardware hooks, and marks for drivers.
 *
 * `effect` is THE form for anything that is not a lock, a cell, a list or a page. Live and controlled
 * drivers call its function; an explorer branches over its outcomes and never calls it.
 */
import type { DeviceHandle } from './handles.ts'
import { Op, type Operation, type OpKind } from './op.ts'

/** What an effect does to devices, for the invariants that watch it. */
export interface EffectSubject {
  /** `bar-access`: the kernel touches BAR memory; `bus-reset`: the members of a set lose everything. */
  readonly kind: 'bar-access' | 'bus-reset'
  readonly devices: readonly DeviceHandle[]
}

/** A hook into what is outside the protocol. */
export class EffectOp<R> extends Op<R> {
  readonly kind = 'effect'

  constructor(
    readonly object: string,
    readonly outcomes: readonly R[],
    readonly perform: () => R | Promise<R>,
    readonly subject: EffectSubject | undefined,
  ) {
    super()
  }
}

/**
 * A hardware hook or a plugin's plain function as one step.
 *
 * @param name - What a timeline calls it.
 * @param outcomes - Every result that changes what happens next. Empty: too many to list, so an
 *   explorer can only sample.
 * @param fn - Called live; may answer with a promise there, not under a controlled scheduler.
 */
export function effect<R>(
  name: string,
  outcomes: readonly R[],
  fn: () => R | Promise<R>,
  subject?: EffectSubject,
): Op<R> {
  return new EffectOp(name, outcomes, fn, subject)
}

/** A step that only says something to the driver. */
export class MarkOp extends Op<void> {
  constructor(
    readonly kind: Extract<OpKind, 'label' | 'enter' | 'leave' | 'progress'>,
    readonly mark: string,
    readonly locals: readonly unknown[] = [],
  ) {
    super()
  }

  /** Built only when asked: labels stand inside loops. */
  get object(): string {
    return this.locals.length === 0 ? this.mark : `${this.mark}(${this.locals.map(String).join(', ')})`
  }

  perform(): void {}
}

/**
 * A point that a loop passes again with the same future. Two visits with equal locals, the same locks
 * held and the same scope are the same point to an explorer.
 *
 * @param locals - Everything that is live here besides held locks.
 */
export function label(name: string, ...locals: readonly unknown[]): Op<void> {
  return new MarkOp('label', name, locals)
}

const PROGRESS = new MarkOp('progress', 'progress')

/** Says that something useful was done: a cycle without it is a livelock. */
export function progress(): Op<void> {
  return PROGRESS
}

/**
 * Qualifies the labels inside an operation, and marks one path: the controlled driver checks that it
 * ends with the locks it began with (I7).
 */
export function* scoped<T>(name: string, operation: Operation<T>): Operation<T> {
  yield* new MarkOp('enter', name)
  try {
    return yield* operation
  } finally {
    yield* new MarkOp('leave', name)
  }
}

/** A condition on state that must hold whenever this step is taken. */
export class AssertOp extends Op<void> {
  readonly kind = 'assert'

  constructor(
    readonly object: string,
    readonly holds: () => boolean,
  ) {
    super()
  }

  perform(): void {
    if (!this.holds()) throw new Error(`assertion failed: ${this.object}`)
  }
}

/**
 * Asserts something about cells and pages at this point.
 *
 * @param holds - Pure; asked at the moment the step is taken.
 */
export function assert(statement: string, holds: () => boolean): Op<void> {
  return new AssertOp(statement, holds)
}
