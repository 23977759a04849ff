/** How an operation ends when it is not with a result. */
import { VfioError, VfioSignal } from '@vfiokit/vfio-core'
import type { TraceRecord } from '../trace-record.ts'

/** What an operation has to say of itself. */
export type Answer = Pick<TraceRecord, 'result' | 'errno'>

/** What came of an operation, without what it was. */
export type Outcome = Pick<
  TraceRecord,
  'ok' | 'result' | 'errno' | 'step' | 'signal' | 'si_code' | 'skip' | 'notCarried' | 'broken'
>

/** Why no system call is made. */
export type SkipReason =
  | 'not-open'
  | 'no-cap'
  | 'empty-region'
  | 'no-map'
  | 'no-eventfd'
  | 'no-container'
  | 'group-not-open'

/** Thrown where an operation makes no system call. */
export class Skipped extends Error {
  constructor(readonly reason: SkipReason) {
    super(reason)
  }
}

/** Thrown where the host has no port for an operation. */
export class NotCarried extends Error {}

/** A call of several that failed. */
class FailedStep extends Error {
  constructor(
    readonly step: string,
    override readonly cause: unknown,
  ) {
    super(step)
  }
}

/** Runs a step of an operation, so that its failure has a name. */
export async function step<T>(name: string, run: () => T | Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (cause) {
    throw VfioError.is(cause) ? new FailedStep(name, cause) : cause
  }
}

/** The outcome of an answer. */
export function outcomeOf({ result, errno }: Answer): Outcome {
  return {
    ok: errno === undefined,
    ...(result === undefined ? {} : { result }),
    ...(errno === undefined ? {} : { errno }),
  }
}

/** The outcome of something thrown. What is no failure of the ABI is kept as `broken`, never lost. */
export function outcomeOfError(error: unknown): Outcome {
  if (error instanceof FailedStep) return { ...outcomeOfError(error.cause), step: error.step }
  if (VfioError.is(error)) return { ok: false, errno: error.errno }
  if (VfioSignal.is(error)) return { ok: false, signal: error.signal, si_code: error.code }
  if (error instanceof Skipped) return { ok: false, skip: error.reason }
  if (error instanceof NotCarried) return { ok: false, notCarried: error.message }
  return { ok: false, broken: error instanceof Error ? firstLines(error) : String(error) }
}

function firstLines(error: Error): string {
  return (error.stack ?? error.message)
    .split('\n')
    .slice(0, 4)
    .map((line) => line.trim())
    .join(' | ')
}
