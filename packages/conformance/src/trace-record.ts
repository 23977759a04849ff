/** One record of a trace: an operation, and what came of it. */

/** As in the files: a JSON object a line. Members that do not apply are absent. */
export interface TraceRecord {
  /** Number of the record, from 0. */
  readonly i: number
  /** Line in the script, from 1. */
  readonly line: number
  readonly op: string
  readonly args: readonly string[]
  /** Where an offset or length that was given by name lies. */
  readonly off?: number
  readonly len?: number
  /** How many file descriptors a hot reset was given. */
  readonly nfds?: number
  readonly ok: boolean
  readonly result?: Readonly<Record<string, unknown>>
  readonly errno?: string
  /** Which call of several failed. */
  readonly step?: string
  readonly signal?: string
  readonly si_code?: number
  /** Why no system call was made. */
  readonly skip?: string
  /** Members whose value is not compared: `result.data`. */
  readonly mask?: readonly string[]
  /** The host has no port for this operation. Never in a trace of a kernel. */
  readonly notCarried?: string
  /** The host threw what is neither an errno nor a signal: a bug of it. Never in a trace of a kernel. */
  readonly broken?: string
}

/** Members that say what happened, in the order in which they are shown. */
export const OUTCOME_MEMBERS: readonly (keyof TraceRecord)[] = [
  'off',
  'len',
  'nfds',
  'ok',
  'errno',
  'step',
  'signal',
  'si_code',
  'skip',
  'notCarried',
  'broken',
  'result',
]
