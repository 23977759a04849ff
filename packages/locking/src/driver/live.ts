/**
 * The live driver: real locks, real promises, and no promise at all while nothing is contended.
 */
import { DENIED, type Denied, type GuardedBody, guarded } from '../guarded.ts'
import type { LockUse } from '../lock.ts'
import { type Awaitable, isSingleOp, type Op, type Operation, type OpResult, type Step } from '../op.ts'
import { isOp } from '../op-kinds.ts'

/**
 * Performs an operation now.
 *
 * @returns its value, or a promise of it if a lock was contended or an effect answered with a promise.
 * @throws (or rejects with) what the operation throws; its `finally` blocks have run by then.
 */
export function runLive<T>(step: Step<T>): Awaitable<T> {
  return isSingleOp(step) ? performOrWait(step) : drive(step, step.next())
}

/**
 * A read side at its real price: when every lock is free, no generator is made.
 *
 * Equal to `runLive(guarded(uses, body))` in every result and every lock (a property test says so).
 */
export function guardedLive<T>(uses: readonly LockUse[], body: GuardedBody<T>): Awaitable<T | Denied> {
  let taken = 0
  try {
    while (taken < uses.length && uses[taken]!.lock.tryTake(uses[taken]!.mode)) taken++
    if (taken === uses.length) {
      const result = admitAndAct(body)
      if (!(result instanceof Promise)) return result
      taken = 0
      return result.finally(() => drop(uses, uses.length))
    }
  } finally {
    drop(uses, taken)
  }
  return runLive(guarded(uses, body))
}

function admitAndAct<T>(body: GuardedBody<T>): Awaitable<T | Denied> {
  const admitted = runLive(body.admit())
  if (admitted instanceof Promise) return admitted.then((yes) => (yes ? runLive(body.act()) : DENIED))
  return admitted ? runLive(body.act()) : DENIED
}

function drop(uses: readonly LockUse[], taken: number): void {
  for (let at = taken - 1; at >= 0; at--) uses[at]!.lock.drop(uses[at]!.mode)
}

function drive<T>(operation: Operation<T>, from: IteratorResult<Op<unknown>, T>): Awaitable<T> {
  let next = from
  for (;;) {
    if (next.done) return next.value
    const op = next.value
    let result: OpResult
    try {
      result = performOrWait(op)
    } catch (error) {
      next = operation.throw(error)
      continue
    }
    if (result instanceof Promise) return result.then(resume(operation), fail(operation))
    next = operation.next(result)
  }
}

const resume =
  <T>(operation: Operation<T>) =>
  (result: OpResult): Awaitable<T> =>
    drive(operation, operation.next(result))

const fail =
  <T>(operation: Operation<T>) =>
  (error: unknown): Awaitable<T> =>
    drive(operation, operation.throw(error))

function performOrWait(op: Op<unknown>): Awaitable<OpResult> {
  if (!isOp(op, 'acquire')) return op.perform()
  const { lock, mode } = op
  if (lock.tryTake(mode)) return undefined
  return new Promise<void>((granted) => lock.wait({ mode, granted }))
}
