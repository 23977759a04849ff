/** What plugins were asked and answered during the runs of a scenario. */
import type { RecordedValue } from './recorded-value.ts'

/** The first line of a file names this version. */
export const RECORDING_FORMAT = 'plugin-recording/1'

/** One call of a member. Keys that say nothing are absent. */
export interface RecordedCall {
  /** From 1, in the order in which the calls began. */
  readonly call: number
  readonly provider: string
  readonly device?: string | undefined
  /** Index of the region, when the object that was asked is one of an open device. */
  readonly region?: number | undefined
  /** Otherwise where the object stands in what the plugin answered: `open[1]`. */
  readonly at?: string | undefined
  readonly member: string
  /** As they were before the call. */
  readonly arguments: readonly RecordedValue[]
  readonly answer?: RecordedValue | undefined
  /** Instead of an answer: the errno of a VfioError, or a failure. */
  readonly thrown?: RecordedValue | undefined
  /** Bytes among the arguments that the plugin changed, by their position. */
  readonly filled?: Readonly<Record<string, RecordedValue>> | undefined
  /** Of an answer in several steps: how many were taken. */
  readonly steps?: number | undefined
}

/** How a run was started. */
export interface RecordedStart {
  readonly strategy: string
  readonly seed: number
  readonly kernel: string
}

/** One run: a strategy and a seed. */
export interface RecordedRun {
  readonly start: RecordedStart
  readonly calls: readonly RecordedCall[]
  readonly verdict: string
}

/** All runs of a scenario. */
export interface Recording {
  /** The path as it was given. */
  readonly scenario: string
  readonly runs: readonly RecordedRun[]
}

/** How many calls there are in all runs. */
export function callCount({ runs }: Recording): number {
  return runs.reduce((sum, { calls }) => sum + calls.length, 0)
}
