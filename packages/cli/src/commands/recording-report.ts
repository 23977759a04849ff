/** What `vfiokit run --against` prints when plugins did something else than was recorded. */
import {
  type ChangedPart,
  isSameValue,
  type RecordedCall,
  type Recording,
  type RecordingDifference,
} from '@vfiokit/host'
import type { Paint } from '../terminal.ts'

interface Compared {
  /** Of the scenario. */
  readonly path: string
  /** Of the recording. */
  readonly file: string
  readonly expected: Recording
  readonly found: Recording
}

/** The first call that differs, what is expected and found in it, and the calls around it. */
export function differenceText(
  difference: RecordingDifference,
  { path, file, expected, found }: Compared,
  paint: Paint,
): string {
  const { run, start, call, parts, before, after } = difference
  const where = `under ${start.strategy}, seed ${start.seed}`
  const what = call === undefined ? `run ${run + 1}` : `call ${call}`
  const line = call === undefined ? '' : `:${lineOf(expected, run, call)}`
  const lines = [
    paint('bold', `${path}: ${what} is not what ${file}${line} says, ${where}`),
    '',
    ...parts.map((part) => partText(part, difference)),
    '',
    ...before.map((each) => `    ${callText(each)}`),
    ...(call === undefined ? [] : [paint('red', `  - ${callText(difference.expected)}`)]),
    ...after.expected.map((each) => `  - ${callText(each)}`),
    ...(call === undefined ? [] : [paint('green', `  + ${callText(difference.found)}`)]),
    ...after.found.map((each) => `  + ${callText(each)}`),
    ...countsText(expected, found, run),
  ]
  return lines
    .join('\n')
    .replaceAll(/\n{3,}/g, '\n\n')
    .trimEnd()
}

function countsText(expected: Recording, found: Recording, run: number): string[] {
  const [was, is] = [expected, found].map(({ runs }) => runs[run]?.calls.length ?? 0)
  return was === is ? [] : ['', `${was} calls were recorded, ${is} are made`]
}

function lineOf(recording: Recording, run: number, call: number): number {
  return lineOfRun(recording, run) + Math.min(call, (recording.runs[run]?.calls.length ?? 0) + 1)
}

/** The line on which a run begins: behind the header, and the start, calls and verdict of each run before. */
export function lineOfRun({ runs }: Recording, run: number): number {
  return 2 + runs.slice(0, run).reduce((sum, { calls }) => sum + calls.length + 2, 0)
}

/** When one side has ended, there is nothing to compare part by part. */
function partText({ part, expected, found }: ChangedPart, { call, ...both }: RecordingDifference): string {
  if (call !== undefined && (both.expected === undefined || both.found === undefined)) return ''
  const inside = narrowed({ part, expected, found })
  const byte = firstByte(inside)
  const [was, is] = [inside.expected, inside.found].map((each) =>
    shortened(byte === undefined ? each : { hex: hexIn(each)!.slice(byte * 2) }),
  )
  const at = byte === undefined ? '' : ` at byte ${byte}`
  return `  ${inside.part}${at}: expected ${was}, found ${is}`
}

/** Goes down while exactly one thing in it differs: `answer.offset`. */
function narrowed(changed: ChangedPart): ChangedPart {
  const [was, is] = [entriesOf(changed.expected), entriesOf(changed.found)]
  if (was === undefined || is === undefined) return changed
  if (Object.keys(was).sort().join() !== Object.keys(is).sort().join()) return changed
  const different = Object.keys(was).filter((key) => !isSameValue(was[key], is[key]))
  const [key] = different
  if (key === undefined || different.length > 1) return changed
  return narrowed({ part: `${changed.part}.${key}`, expected: was[key], found: is[key] })
}

/** Bytes are no container. */
function entriesOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  if (typeof value !== 'object' || value === null || 'hex' in value) return undefined
  return value as Readonly<Record<string, unknown>>
}

/** Where bytes differ first, when both are bytes. */
function firstByte({ expected, found }: ChangedPart): number | undefined {
  const [was, is] = [hexIn(expected), hexIn(found)]
  if (was === undefined || is === undefined) return undefined
  const length = Math.max(was.length, is.length)
  for (let at = 0; at < length; at += 2) if (was.slice(at, at + 2) !== is.slice(at, at + 2)) return at / 2
  return undefined
}

function hexIn(value: unknown): string | undefined {
  const { hex, times = 1 } = (value ?? {}) as { hex?: unknown; times?: number }
  return typeof hex === 'string' ? hex.repeat(times) : undefined
}

/** One line: `brightline 0000:01:00.0 region 9: read(0, 00 * 64) -> 0100`. */
function callText(call: RecordedCall | undefined): string {
  if (call === undefined) return 'no more calls'
  const { provider, device, region, at, member, arguments: given, answer, thrown, filled, steps } = call
  const place = region !== undefined ? ` region ${region}` : at === undefined ? '' : ` ${at}`
  const who = `${String(call.call).padStart(4)}  ${provider}${device === undefined ? '' : ` ${device}`}${place}`
  const asked = `${member}(${given.map((each) => shortened(each)).join(', ')})`
  const answers = [
    ...(filled === undefined ? [] : Object.values(filled).map((each) => shortened(each))),
    ...(answer === undefined || answer === null ? [] : [shortened(answer)]),
    ...(thrown === undefined ? [] : [`throws ${shortened(thrown)}`]),
    ...(steps === undefined ? [] : [`in ${steps} steps`]),
  ]
  return `${who}: ${asked}${answers.length === 0 ? '' : ` -> ${answers.join(', ')}`}`
}

const SHOWN_MAX = 72

function shortened(value: unknown): string {
  const text = valueText(value)
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}...` : text
}

function valueText(value: unknown): string {
  if (value === undefined || value === null) return 'nothing'
  if (typeof value !== 'object') return String(value)
  const { hex, times, device, host } = value as Readonly<Record<string, unknown>>
  if (typeof hex === 'string') return times === undefined ? hex : `${hex} * ${times}`
  if (typeof device === 'string') return device
  if (typeof host === 'string') return `host of ${host}`
  const entries = Object.entries(value)
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`
  return `{${entries.map(([key, each]) => `${key}: ${valueText(each)}`).join(', ')}}`
}
