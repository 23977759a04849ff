/** Where two recordings differ first. */
import type { RecordedCall, RecordedRun, RecordedStart, Recording } from './recording.ts'

/** One place of a recording that has another value in the other. */
export interface ChangedPart {
  /** `member`, `answer`, `filled`, ... */
  readonly part: string
  readonly expected: unknown
  readonly found: unknown
}

/** The first call that differs. Absent on one side: that run ended there. */
export interface RecordingDifference {
  /** From 0. */
  readonly run: number
  readonly start: RecordedStart
  /** From 1; undefined: the calls are equal, and the runs differ in what they were or came to. */
  readonly call?: number | undefined
  readonly expected?: RecordedCall | undefined
  readonly found?: RecordedCall | undefined
  readonly parts: readonly ChangedPart[]
  /** Calls that are equal, right before. */
  readonly before: readonly RecordedCall[]
  readonly after: { readonly expected: readonly RecordedCall[]; readonly found: readonly RecordedCall[] }
}

/** How many calls are shown before and behind the one that differs. */
const CONTEXT = 3

/** @returns undefined when both say the same; how the scenario is called does not count. */
export function firstDifference(expected: Recording, found: Recording): RecordingDifference | undefined {
  const runs = Math.max(expected.runs.length, found.runs.length)
  for (let run = 0; run < runs; run++) {
    const difference = differenceOf(run, expected.runs[run], found.runs[run])
    if (difference !== undefined) return difference
  }
  return undefined
}

function differenceOf(
  run: number,
  expected: RecordedRun | undefined,
  found: RecordedRun | undefined,
): RecordingDifference | undefined {
  const { start } = (expected ?? found)!
  const none = { run, start, before: [], after: { expected: [], found: [] } }
  const starts = changedParts({ ...expected?.start }, { ...found?.start })
  if (starts.length > 0) return { ...none, parts: starts }
  const most = Math.max(expected!.calls.length, found!.calls.length)
  for (let at = 0; at < most; at++) {
    const parts = changedParts({ ...expected!.calls[at] }, { ...found!.calls[at] })
    if (parts.length > 0) return { run, start, parts, ...around(at, expected!.calls, found!.calls) }
  }
  const verdicts = changedParts({ verdict: expected!.verdict }, { verdict: found!.verdict })
  return verdicts.length > 0 ? { ...none, parts: verdicts } : undefined
}

function around(
  at: number,
  expected: readonly RecordedCall[],
  found: readonly RecordedCall[],
): Pick<RecordingDifference, 'call' | 'expected' | 'found' | 'before' | 'after'> {
  return {
    call: at + 1,
    expected: expected[at],
    found: found[at],
    before: expected.slice(Math.max(0, at - CONTEXT), at),
    after: {
      expected: expected.slice(at + 1, at + 1 + CONTEXT),
      found: found.slice(at + 1, at + 1 + CONTEXT),
    },
  }
}

/** As JSON: what is in a file has been JSON, and what is absent says nothing. */
function changedParts(
  expected: Readonly<Record<string, unknown>>,
  found: Readonly<Record<string, unknown>>,
): ChangedPart[] {
  return [...new Set([...Object.keys(expected), ...Object.keys(found)])]
    .filter((part) => !isSameValue(expected[part], found[part]))
    .map((part) => ({ part, expected: expected[part], found: found[part] }))
}

/** Whether two recorded values say the same. The keys of an object have no order. */
export function isSameValue(one: unknown, other: unknown): boolean {
  return sortedText(one) === sortedText(other)
}

function sortedText(value: unknown): string | undefined {
  return JSON.stringify(value, (_, each: unknown) => {
    if (typeof each !== 'object' || each === null || Array.isArray(each)) return each
    return Object.fromEntries(Object.entries(each).sort(([a], [b]) => (a < b ? -1 : 1)))
  })
}
