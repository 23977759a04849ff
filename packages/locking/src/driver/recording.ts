/** The recording driver: one task, at once, with every step written down. */
import type { LockOp } from '../lock.ts'
import { isSingleOp, type Op, type Operation, type OpResult, type Step } from '../op.ts'
import { isOp } from '../op-kinds.ts'
import { HeldLocks } from './held-locks.ts'
import { performWatched } from './perform.ts'
import { ProtocolError } from './protocol-error.ts'

/** One step that was taken. */
export interface RecordedStep {
  readonly op: Op<unknown>
  readonly result: unknown
}

/** What an operation did. */
export interface Recording<T> {
  readonly steps: readonly RecordedStep[]
  /** How it ended: with a value, or with what it threw. */
  readonly outcome: { readonly value: T } | { readonly error: unknown }
  /** Locks still held at the end: none, or I7 is broken. */
  readonly held: HeldLocks
}

/**
 * Runs an operation alone and records its steps.
 *
 * @throws ProtocolError inside the operation when it would have to wait: there is nobody else to run.
 */
export function record<T>(step: Step<T>): Recording<T> {
  const steps: RecordedStep[] = []
  const held = new HeldLocks()
  const operation = isSingleOp(step) ? single(step) : step
  const take = (op: Op<unknown>): OpResult => {
    if (isOp(op, 'acquire') && !canTake(op))
      throw new ProtocolError('would-block', `${op.object} is taken and nobody is there to release it`)
    const result = performWatched(op, held)
    steps.push({ op, result })
    return result
  }
  try {
    return { steps, held, outcome: { value: drive(operation, take) } }
  } catch (error) {
    return { steps, held, outcome: { error } }
  }
}

function drive<T>(operation: Operation<T>, take: (op: Op<unknown>) => OpResult): T {
  let next = operation.next()
  while (!next.done) {
    let result: OpResult
    try {
      result = take(next.value)
    } catch (error) {
      next = operation.throw(error)
      continue
    }
    next = operation.next(result)
  }
  return next.value
}

function canTake(op: LockOp<unknown>): boolean {
  return op.lock.isFree(op.mode) && !(op.lock.fair && op.lock.waiting > 0)
}

function* single<T>(op: Op<T>): Operation<T> {
  return yield* op
}
