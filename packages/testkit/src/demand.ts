/** What a check says when a rule does not hold, and how it asks the ABI. */
import { type Awaitable, type Operation, runLive } from '@vfiokit/locking'
import { VfioError, VfioSignal } from '@vfiokit/vfio-core'

/** A rule does not hold. The message says what was found, in the words of a caller of the ABI. */
export class RuleBroken extends Error {
  override readonly name = 'RuleBroken'
}

/** @throws RuleBroken with the message when the condition is not met. */
export function demand(condition: boolean, message: string): asserts condition {
  if (!condition) throw new RuleBroken(message)
}

/** @throws RuleBroken naming both when they differ. */
export function demandSame(what: string, found: unknown, expected: unknown): void {
  const [left, right] = [textOf(found), textOf(expected)]
  if (left !== right) throw new RuleBroken(`${what}: ${left}, expected ${right}`)
}

/** The value of a call that nobody contends. @throws RuleBroken when it has to wait: a lock was left. */
export function now<T>(value: Awaitable<T>): T {
  if (!(value instanceof Promise)) return value
  value.catch(() => {})
  throw new RuleBroken('a call has to wait although nobody else does anything: a lock was left behind')
}

/** The same of an operation. */
export function done<T>(operation: Operation<T>): T {
  return now(runLive(operation))
}

/** How a call ended: `ok`, an errno such as EINVAL, or a signal. Anything else that is thrown goes on. */
export function outcomeOf(call: () => unknown): string {
  try {
    now(call())
    return 'ok'
  } catch (error) {
    if (VfioError.is(error)) return error.errno
    if (VfioSignal.is(error)) return error.signal
    throw error
  }
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  return JSON.stringify(value, (_key, part) => {
    if (part instanceof Uint8Array) return Buffer.from(part).toString('hex')
    return typeof part === 'bigint' ? String(part) : part
  })
}
