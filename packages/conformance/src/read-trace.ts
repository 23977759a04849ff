/** Reads a trace: one JSON object a line. */
import { type InputDefect, InputError } from './input-error.ts'
import { defectOf } from './script/parse-script.ts'
import type { TraceRecord } from './trace-record.ts'

/** @throws InputError with every line that is no record. */
export function readTrace(text: string, file: string): readonly TraceRecord[] {
  const records: TraceRecord[] = []
  const defects: InputDefect[] = []
  for (const [at, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue
    const value = parsed(line)
    const defect = value === undefined ? { expected: 'a JSON object', found: line } : recordDefect(value)
    if (defect === undefined) records.push(value as unknown as TraceRecord)
    else defects.push({ file, line: at + 1, ...defect })
  }
  if (records.length === 0 && defects.length === 0)
    defects.push({ file, expected: 'a record a line', found: 'nothing' })
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
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

/** Types of the members that every record has. */
const MEMBERS: readonly { name: string; expected: string; is: (value: unknown) => boolean }[] = [
  { name: 'i', expected: 'a number', is: Number.isInteger },
  { name: 'line', expected: 'a number', is: Number.isInteger },
  { name: 'op', expected: 'text', is: (value) => typeof value === 'string' },
  {
    name: 'args',
    expected: 'an array of text',
    is: (value) => Array.isArray(value) && value.every((word) => typeof word === 'string'),
  },
  { name: 'ok', expected: 'true or false', is: (value) => typeof value === 'boolean' },
]

function recordDefect(value: Readonly<Record<string, unknown>>): Omit<InputDefect, 'file'> | undefined {
  for (const { name, expected, is } of MEMBERS)
    if (!is(value[name]))
      return { expected: `${expected} as "${name}"`, found: JSON.stringify(value[name]) ?? 'nothing' }
  return defectOf(value as unknown as TraceRecord)
}
