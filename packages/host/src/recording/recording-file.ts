/**
 * A recording as text: one JSON object a line. A header with the format; of each run what it was started with, its
 * calls, and what it came to; and a last line, so that a file that was cut off is noticed.
 */
import type { Diagnostic } from '@vfiokit/topology'
import { z } from 'zod'
import { ConfigError } from '../config-error.ts'
import { readText } from '../input-file.ts'
import type { RecordedValue } from './recorded-value.ts'
import { RECORDING_FORMAT, type RecordedCall, type RecordedRun, type Recording } from './recording.ts'

/** Whatever JSON says: the text has been parsed. */
const value = z.unknown() as z.ZodType<RecordedValue>
const SEED_MAX = 0xffff_ffff

/** Kinds of lines. */
const LINES = {
  header: z.strictObject({ vfiokit: z.literal(RECORDING_FORMAT), scenario: z.string() }),
  run: z.strictObject({
    run: z.strictObject({
      strategy: z.string(),
      seed: z.int().min(0).max(SEED_MAX),
      kernel: z.string(),
    }),
  }),
  call: z.strictObject({
    call: z.number(),
    provider: z.string(),
    device: z.string().optional(),
    region: z.number().optional(),
    at: z.string().optional(),
    member: z.string(),
    arguments: z.array(value),
    answer: value.optional(),
    thrown: value.optional(),
    filled: z.record(z.string(), value).optional(),
    steps: z.number().optional(),
  }),
  verdict: z.strictObject({ verdict: z.string(), calls: z.number() }),
  end: z.strictObject({ end: z.strictObject({ runs: z.number() }) }),
} as const

type LineKind = keyof typeof LINES
type LineOf<K extends LineKind> = z.infer<(typeof LINES)[K]>

/** What may stand behind each kind. */
const FOLLOWS: Readonly<Record<LineKind | 'start', readonly LineKind[]>> = {
  start: ['header'],
  header: ['run'],
  run: ['call', 'verdict'],
  call: ['call', 'verdict'],
  verdict: ['run', 'end'],
  end: [],
}

/** How messages call them. */
const NAMES: Readonly<Record<LineKind, string>> = {
  header: `the header of ${RECORDING_FORMAT}`,
  run: 'a run',
  call: 'a call',
  verdict: 'the verdict of a run',
  end: 'the last line',
}

/** The lines of a file. Equal recordings are equal text. */
export function recordingText({ scenario, runs }: Recording): string {
  const lines: unknown[] = [{ vfiokit: RECORDING_FORMAT, scenario }]
  for (const { start, calls, verdict } of runs)
    lines.push({ run: start }, ...calls.map(inOrder), { verdict, calls: calls.length })
  lines.push({ end: { runs: runs.length } })
  return lines.map((line) => `${JSON.stringify(line)}\n`).join('')
}

const KEYS = Object.keys(LINES.call.shape) as (keyof RecordedCall)[]

function inOrder(call: RecordedCall): Partial<RecordedCall> {
  return Object.fromEntries(KEYS.filter((key) => call[key] !== undefined).map((key) => [key, call[key]]))
}

/** @throws ConfigError as {@link parseRecording}, and when the file cannot be read. */
export function readRecordingFile(path: string): Recording {
  return parseRecording(readText(path), path)
}

/**
 * @param path - For messages.
 * @throws ConfigError for text that is no recording: the first line that is none, what should stand there, and what
 *   does.
 */
export function parseRecording(text: string, path: string): Recording {
  const reader = new Reader(path)
  const lines = text.split('\n')
  for (const [at, line] of lines.slice(0, -1).entries()) reader.take(at + 1, line)
  return reader.finish(lines.length, lines.at(-1)!)
}

interface Place {
  readonly line: number
  readonly expected: string
  readonly found: string
}

class Reader {
  #before: LineKind | 'start' = 'start'
  #scenario = ''
  readonly #runs: (RecordedRun & { calls: RecordedCall[]; verdict: string })[] = []

  constructor(readonly path: string) {}

  take(line: number, text: string): void {
    const kinds = FOLLOWS[this.#before]
    const expected = expectedText(kinds)
    const json = parsed(text)
    if (json === undefined) throw this.#refused({ line, expected, found: shortened(text) })
    for (const kind of kinds) {
      const { success, data } = LINES[kind].safeParse(json)
      if (!success) continue
      this.#add(kind, data, line)
      this.#before = kind
      return
    }
    throw this.#refused({ line, expected, found: shortened(text) })
  }

  /** @param rest - What stands behind the last end of a line. */
  finish(line: number, rest: string): Recording {
    if (this.#before !== 'end' || rest !== '') {
      const found = rest === '' ? 'the end of the file' : `${shortened(rest)}, and then the end of the file`
      throw this.#refused({ line, expected: expectedText(FOLLOWS[this.#before]), found })
    }
    return { scenario: this.#scenario, runs: this.#runs }
  }

  #add(kind: LineKind, data: unknown, line: number): void {
    if (kind === 'header') this.#scenario = (data as LineOf<'header'>).scenario
    if (kind === 'run') this.#runs.push({ start: (data as LineOf<'run'>).run, calls: [], verdict: '' })
    const run = this.#runs.at(-1)
    if (kind === 'call') {
      this.#demandCount(line, 'call', run!.calls.length + 1, (data as RecordedCall).call)
      run!.calls.push(data as RecordedCall)
    }
    if (kind === 'verdict') {
      const { verdict, calls } = data as LineOf<'verdict'>
      this.#demandCount(line, 'calls:', run!.calls.length, calls)
      Object.assign(run!, { verdict })
    }
    if (kind === 'end') this.#demandCount(line, 'runs:', this.#runs.length, (data as LineOf<'end'>).end.runs)
  }

  #demandCount(line: number, what: string, expected: number, found: number): void {
    if (expected === found) return
    throw this.#refused({ line, expected: `${what} ${expected}`, found: `${what} ${found}` })
  }

  #refused(place: Place): ConfigError {
    const diagnostic: Diagnostic = {
      severity: 'error',
      code: 'no-recording',
      message: 'this is no recording of plugins',
      file: this.path,
      ...place,
    }
    return new ConfigError([diagnostic])
  }
}

function expectedText(kinds: readonly LineKind[]): string {
  return kinds.length === 0 ? 'the end of the file' : kinds.map((kind) => NAMES[kind]).join(' or ')
}

/** Far more than a recorder writes. Of what is nested deeper nothing could be compared or shown. */
const NESTING_MAX = 64

function parsed(text: string): unknown {
  try {
    return nestingOf(text) > NESTING_MAX ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

function nestingOf(text: string): number {
  let [depth, most] = [0, 0]
  for (const bracket of text.replaceAll(/"(?:[^"\\]|\\.)*"/g, '').match(/[[\]{}]/g) ?? []) {
    depth += bracket === '[' || bracket === '{' ? 1 : -1
    most = Math.max(most, depth)
  }
  return most
}

/** A damaged line can be a whole file. */
const FOUND_MAX = 60

/** Without what a terminal would obey. */
function shortened(text: string): string {
  if (text === '') return 'an empty line'
  const shown = text.slice(0, FOUND_MAX).replaceAll(/\p{Cc}/gu, '\ufffd')
  return text.length > FOUND_MAX ? `${shown}...` : shown
}
