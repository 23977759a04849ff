/**
 * An Operation of a plugin, run inside one of ours: it may take steps, not locks, and not for ever.
 *
 * It runs where the kernel's caller waits, so it must end; and what is stopped half-way cannot be trusted
 * to give locks back, so it is given none.
 */
import type { Op, Operation, OpKind, OpResult } from '@vfiokit/locking'

/** After so many steps an Operation of a plugin is stopped. */
export const PLUGIN_STEPS_MAX = 10_000
/** What its `finally` blocks may take once it is stopped. */
const LAST_STEPS_MAX = 100

/** Steps that change nothing of ours. */
const ALLOWED: ReadonlySet<OpKind> = new Set<OpKind>(['effect', 'label', 'progress', 'assert'])

/** Whether a member answered with an Operation: a generator, of whatever copy of our packages. */
export function isOperation(answer: unknown): answer is Operation<unknown> {
  if (typeof answer !== 'object' || answer === null) return false
  const { next, return: end, throw: fail } = answer as Partial<Operation<unknown>>
  return [next, end, fail].every((each) => typeof each === 'function')
}

/**
 * Runs a plugin's Operation to its end.
 *
 * @returns what it returns.
 * @throws what it throws; TypeError for a step that a plugin may not take; RangeError when it was stopped.
 *   Its `finally` blocks have run by then.
 */
export function* pluginOperation(operation: Operation<unknown>): Operation<unknown> {
  try {
    const end = yield* steps(operation, operation.next(), PLUGIN_STEPS_MAX)
    if (end !== undefined) return end.value
  } catch (cause) {
    // Does nothing to one that has thrown by itself.
    yield* stop(operation)
    throw cause
  }
  yield* stop(operation)
  throw new RangeError(
    `it had not ended after ${PLUGIN_STEPS_MAX.toLocaleString('en')} steps and was stopped`,
  )
}

/** How it ended, if it did within `most` steps. */
function* steps(
  operation: Operation<unknown>,
  first: IteratorResult<Op<unknown>, unknown>,
  most: number,
): Operation<{ readonly value: unknown } | undefined> {
  let next = first
  for (let taken = 0; next.done !== true; taken++) {
    if (taken === most) return undefined
    requireAllowed(next.value)
    let result: OpResult
    try {
      result = yield next.value
    } catch (cause) {
      next = operation.throw(cause)
      continue
    }
    next = operation.next(result)
  }
  return { value: next.value }
}

/** One that will not end even now is left where it stands: it holds nothing. */
function* stop(operation: Operation<unknown>): Operation<void> {
  yield* steps(operation, operation.return(undefined), LAST_STEPS_MAX)
}

function requireAllowed(op: unknown): asserts op is Op<unknown> {
  const { kind, perform } = (op ?? {}) as Partial<Op<unknown>>
  if (typeof perform !== 'function') throw new TypeError(`it yielded ${String(op)}, which is no step`)
  if (!ALLOWED.has(kind!))
    throw new TypeError(`it yielded a step of kind ${kind}; a plugin may take ${[...ALLOWED].join(', ')}`)
}
