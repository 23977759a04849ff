/** Members that answer at once: a promise or an Operation from them is a failure, not silence. */
import { isOperation } from './plugin-operation.ts'

/**
 * The answer itself.
 *
 * @throws TypeError for a promise, which would end after the call that it answers, and for an Operation,
 *   which nobody would run.
 */
export function synchronous<T>(answer: T): T {
  if (answer instanceof Promise) {
    // It has failed already, and must not end the process as an unhandled rejection.
    answer.catch(() => {})
    throw new TypeError('it answered with a promise; members of a plugin answer at once')
  }
  if (isOperation(answer)) throw new TypeError('it answered with an Operation; only read and write may')
  return answer
}
