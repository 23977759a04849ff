/** Compares a record of the model with the record of a kernel. */
import type { RunRecord, ValueOrigin } from '../script/handler.ts'
import { OUTCOME_MEMBERS, type TraceRecord } from '../trace-record.ts'
import { MASKING_RULES, type MaskingMachine } from './masking-rules.ts'

/** Each record is in exactly one. */
export type RecordClass = 'same' | 'masked' | 'skipped' | 'differ'

/** What came of comparing two records. */
export interface Comparison {
  readonly class: RecordClass
  /** Members that differ, as paths: `result.data`. */
  readonly members: readonly string[]
  /** Names of the masking rules that were needed; `record` for a record's own mask. */
  readonly masks: readonly string[]
}

/** What a record's own mask can hide: values. What it names besides is compared. */
const MASKABLE: ReadonlySet<string> = new Set(['result.data', 'result.value'])

/** What a record's own mask is counted as. */
export const OWN_MASK = 'record'

/**
 * Compares everything that says what happened.
 *
 * @param expected - Of a kernel; its own mask is honoured.
 * @param machine - What masking rules may ask; undefined: only the record's own mask counts.
 */
export function compareRecords(
  expected: TraceRecord,
  { record: actual, origin }: RunRecord,
  machine: MaskingMachine | undefined,
): Comparison {
  const masks = new Set<string>()
  const members: string[] = []
  for (const path of pathsOf(expected, actual)) {
    const [left, right] = [memberOf(expected, path), memberOf(actual, path)]
    if (MASKABLE.has(path) && expected.mask?.includes(path) && sameLength(left, right)) {
      masks.add(OWN_MASK)
      continue
    }
    if (isEqual(left, right)) continue
    const needed = maskFor(path, left, right, origin, machine)
    if (needed === undefined) members.push(path)
    else for (const name of needed) masks.add(name)
  }
  return { class: classOf(expected, members, masks), members, masks: [...masks] }
}

function classOf(expected: TraceRecord, members: readonly string[], masks: ReadonlySet<string>): RecordClass {
  if (members.length > 0) return 'differ'
  if (expected.skip !== undefined) return 'skipped'
  return masks.size > 0 ? 'masked' : 'same'
}

/** The members of a result are compared one by one. */
function pathsOf(expected: TraceRecord, actual: TraceRecord): readonly string[] {
  const results = new Set([...Object.keys(expected.result ?? {}), ...Object.keys(actual.result ?? {})])
  const outcomes = OUTCOME_MEMBERS.filter((name) => name !== 'result')
  return [...outcomes, ...[...results].map((name) => `result.${name}`)]
}

function memberOf(record: TraceRecord, path: string): unknown {
  if (path.startsWith('result.')) return record.result?.[path.slice('result.'.length)]
  return record[path as keyof TraceRecord]
}

/** A mask hides a value, not that there is one, nor how long it is. */
function sameLength(left: unknown, right: unknown): boolean {
  if (typeof left !== 'string' || typeof right !== 'string') return typeof left === typeof right
  return left.startsWith('0x') || left.length === right.length
}

/** As JSON says: what is undefined is not there. */
function isEqual(left: unknown, right: unknown): boolean {
  return left === right || JSON.stringify(left) === JSON.stringify(right)
}

/** The rules that together explain a difference; undefined: they do not. */
function maskFor(
  path: string,
  left: unknown,
  right: unknown,
  origin: ValueOrigin | undefined,
  machine: MaskingMachine | undefined,
): readonly string[] | undefined {
  if (origin === undefined || machine === undefined) return undefined
  if (typeof left !== 'string' || typeof right !== 'string') return undefined
  if (path === 'result.text') {
    const rule = MASKING_RULES.find(({ attribute }) => attribute?.(origin))
    return rule === undefined ? undefined : [rule.name]
  }
  if (path !== 'result.data' && path !== 'result.value') return undefined
  return maskForBytes(bytesOf(left), bytesOf(right), origin, machine)
}

function maskForBytes(
  expected: Uint8Array,
  actual: Uint8Array,
  origin: ValueOrigin,
  machine: MaskingMachine,
): readonly string[] | undefined {
  const names = new Set<string>()
  const isValue = origin.space === 'mapping'
  if (!isValue && expected.length !== actual.length) return undefined
  for (let at = 0; at < Math.max(expected.length, actual.length); at += 1) {
    let differing = (expected[at] ?? 0) ^ (actual[at] ?? 0)
    if (differing === 0) continue
    const question = { machine, origin, offset: origin.offset! + at, expected, actual }
    for (const { name, bits } of MASKING_RULES) {
      const explained = differing & (bits?.(question) ?? 0)
      if (explained === 0) continue
      names.add(name)
      differing &= ~explained
    }
    if (differing !== 0) return undefined
  }
  return [...names]
}

/** Bytes in ascending order: of hex text as written, of a number from its low end. */
function bytesOf(text: string): Uint8Array {
  if (!text.startsWith('0x')) return Uint8Array.from(Buffer.from(text, 'hex'))
  const digits = text.slice(2)
  const even = digits.length % 2 === 0 ? digits : `0${digits}`
  return Uint8Array.from(Buffer.from(even, 'hex')).reverse()
}
