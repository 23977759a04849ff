/**
 * An op: one atomic step, described and not yet done.
 *
 * An operation yields ops and is given their results; a driver decides when each is performed.
 * That is what lets the same source run live, under a seeded scheduler, or inside an explorer.
 */

/** What kind of step an op is. A driver treats `acquire` itself; every other kind is performed. */
export type OpKind =
  | 'acquire'
  | 'try-acquire'
  | 'release'
  | 'get'
  | 'set'
  | 'list-first'
  | 'list-add'
  | 'list-remove'
  | 'list-has'
  | 'zap'
  | 'zap-mapping'
  | 'access'
  | 'insert'
  | 'is-linked'
  /** A mapping comes to be, or ends. Of models only: an engine does it by an effect. */
  | 'link'
  | 'effect'
  | 'label'
  | 'enter'
  | 'leave'
  | 'progress'
  | 'assert'

/** What a driver hands back for an op. Each op's own type parameter says what it really is. */
// biome-ignore lint/suspicious/noExplicitAny: a generator has one type for all that is sent into it
export type OpResult = any

/**
 * One step whose result is an `R`. `yield* op` is typed `R`.
 *
 * Ops are inert: building one does nothing, so locks and cells keep theirs and hand them out again.
 */
export abstract class Op<R> {
  abstract readonly kind: OpKind
  /** What the op works on, as a timeline names it. */
  abstract readonly object: string

  /** Does the step now. For `acquire` only when the lock is free in that mode. */
  abstract perform(): R | Promise<R>

  [Symbol.iterator](): Iterator<Op<unknown>, R, OpResult> {
    return new OneStep<R>(this)
  }
}

/** Iterating an op yields it once; the driver's answer is the value of `yield*`. */
class OneStep<R> implements Iterator<Op<unknown>, R, OpResult> {
  #yielded = false

  constructor(readonly op: Op<R>) {}

  next(result?: OpResult): IteratorResult<Op<unknown>, R> {
    if (this.#yielded) return { done: true, value: result }
    this.#yielded = true
    return { done: false, value: this.op }
  }

  /** What the step threw goes on to whoever yielded the op; without this `yield*` hides it. */
  throw(error: unknown): never {
    throw error
  }
}

/** A sequence of ops that may block: written as a generator, nested with `yield*`. */
export type Operation<T> = Generator<Op<unknown>, T, OpResult>

/** One op, or a whole operation. */
export type Step<T> = Op<T> | Operation<T>

/** Whether a step is a single op, of whatever copy of this package. */
export function isSingleOp<T>(step: Step<T>): step is Op<T> {
  return (step as Partial<Op<T>>).kind !== undefined
}

/**
 * What a strategy runs, at most once, with its locks held.
 *
 * Never a bare value: a function that reads engine state outside ops would be compiled to a constant
 * by an explorer, and nobody would notice.
 */
export type Body<T> = () => Step<T>

/** Runs a body inside an operation, whether it is one op or many. */
export function* run<T>(body: Body<T>): Operation<T> {
  return yield* body() as Operation<T>
}

/** Runs a body that may be absent. */
export function* runOptional<T>(body: Body<T> | undefined): Operation<T | undefined> {
  return body === undefined ? undefined : yield* run(body)
}

/** A value now, or a promise of it: an uncontended live operation never makes a promise. */
export type Awaitable<T> = T | Promise<T>
