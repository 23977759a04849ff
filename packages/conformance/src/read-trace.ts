/** Reads a trace: one JSON object a line. */
import { type InputDefect, InputError } from './input-error.ts'
import { defectOf } from './script/parse-script.ts'
import type { TraceRecord } from './trace-record.ts'

/** @throws InputError with every line that is no record, or when a record is missing between others. */
export function readTrace(text: string, file: string): readonly TraceRecord[] {
  const records: TraceRecord[] = []
  const defects: InputDefect[] = []
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const value = parsed(line)
    const defect = value === undefined ? { expected: 'a JSON object', found: line } : recordDefect(value)
    if (defect !== undefined) defects.push({ file, line: at + 1, ...defect })
    if (defect === undefined) records.push(value as unknown as TraceRecord)
  }
  if (records.length === 0 && defects.length === 0)
    defects.push({ file, expected: 'a record a line', found: 'nothing' })
  const missing = records.findIndex(({ i }, at) => i !== at)
  if (defects.length === 0 && missing >= 0)
    defects.push({ file, expected: `record ${missing}`, found: `record ${records[missing]!.i}` })
  if (defects.length > 0) throw new InputError(defects)
  return records
}

/** A trace as text, as {@link readTrace} reads it. */
export function traceText(records: readonly TraceRecord[]): string {
  return `${records.map((record) => JSON.stringify(record)).join('\n')}\n`
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return isObject(value) ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

interface Member {
  readonly name: string
  readonly expected: string
  readonly is: (value: unknown) => boolean
  readonly isOptional?: true
}

const isText = (value: unknown) => typeof value === 'string'
const areTexts = (value: unknown) => Array.isArray(value) && value.every(isText)
const isObject = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value)

const optional = (expected: string, is: Member['is'], ...names: readonly string[]): readonly Member[] =>
  names.map((name) => ({ name, expected, is, isOptional: true }))

/** Types of the members of a record. */
const MEMBERS: readonly Member[] = [
  { name: 'i', expected: 'a number', is: Number.isInteger },
  { name: 'line', expected: 'a number', is: Number.isInteger },
  { name: 'op', expected: 'text', is: isText },
  {
    name: 'args',
    expected: 'an array of text',
    is: areTexts,
  },
  { name: 'ok', expected: 'true or false', is: (value) => typeof value === 'boolean' },
  ...optional('a number', Number.isInteger, 'off', 'len', 'nfds', 'si_code'),
  ...optional('text', isText, 'errno', 'step', 'signal', 'skip'),
  ...optional('an object', isObject, 'result'),
  ...optional('an array of text', areTexts, 'mask'),
]

function recordDefect(value: Readonly<Record<string, unknown>>): Omit<InputDefect, 'file'> | undefined {
  for (const { name, expected, is, isOptional } of MEMBERS)
    if (!(isOptional === true && value[name] === undefined) && !is(value[name]))
      return { expected: `${expected} as "${name}"`, found: JSON.stringify(value[name]) ?? 'nothing' }
  return defectOf(value as unknown as TraceRecord)
}
