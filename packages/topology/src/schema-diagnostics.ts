/**
 * What a schema finds wrong with a value, in the words of a {@link Diagnostic}: expected, found, and for an unknown
 * key the closest known one.
 */
import type { z } from 'zod'
import { closestName } from './closest-name.ts'

interface SchemaDefect {
  readonly code: string
  readonly message: string
  readonly expected?: string
  readonly found?: string
  readonly path: readonly (string | number)[]
  /** Whether the defect is in the key or in the value at the path. */
  readonly part: 'key' | 'value'
}

export type SchemaResult<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly defects: readonly SchemaDefect[] }

type Issue = z.core.$ZodIssue

/** @param path where in `root` the value is; paths of the defects start at the root. */
export function schemaDiagnostics<T>(
  schema: z.ZodType<T>,
  root: unknown,
  path: readonly (string | number)[],
): SchemaResult<T> {
  const result = schema.safeParse(valueAt(root, path), { error: knownKeys })
  if (result.success) return { ok: true, value: result.data }
  return { ok: false, defects: result.error.issues.flatMap((issue) => defectsOf(issue, root, path)) }
}

/** The message of an unrecognised key carries the keys that its object knows; others keep their own. */
function knownKeys(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code !== 'unrecognized_keys') return undefined
  const shape = (issue.inst as z.ZodObject | undefined)?.shape
  return shape === undefined ? undefined : Object.keys(shape).join(' ')
}

function defectsOf(
  issue: Issue,
  root: unknown,
  above: readonly (string | number)[],
): readonly SchemaDefect[] {
  const path = [...above, ...(issue.path as (string | number)[])]
  const found = valueAt(root, path)
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(key, issue.message.split(' '), path))
    case 'invalid_type':
      return [wrong(path, found, words(issue.expected))]
    case 'invalid_value':
      return [wrong(path, found, issue.values.map((value) => describe(value)).join(' or '))]
    case 'invalid_union':
      return unionDefects(issue, root, path)
    case 'too_small':
      return [wrong(path, found, bound(issue.origin, 'at least', issue.minimum))]
    case 'too_big':
      return [wrong(path, found, bound(issue.origin, 'at most', issue.maximum))]
    default:
      return [wrong(path, found, issue.message)]
  }
}

/** Of the branches the one that got furthest, which is the one that was meant. */
function unionDefects(
  issue: Extract<Issue, { code: 'invalid_union' }>,
  root: unknown,
  path: readonly (string | number)[],
): readonly SchemaDefect[] {
  const branches = issue.errors.map((errors) => errors.flatMap((inner) => defectsOf(inner, root, path)))
  const deepest = (defects: readonly SchemaDefect[]): number =>
    Math.max(0, ...defects.map((defect) => defect.path.length))
  const furthest = Math.max(0, ...branches.map(deepest))
  if (furthest > path.length) {
    const meant = branches.filter((branch) => deepest(branch) === furthest)
    return meant.reduce((best, branch) => (branch.length < best.length ? branch : best))
  }
  const expected = branches.flatMap((branch) => branch.map((defect) => defect.expected ?? defect.message))
  const known = (issue as { discriminator?: string }).discriminator
  const fallback = known === undefined ? issue.message : `a known '${known}'`
  return [wrong(path, valueAt(root, path), [...new Set(expected)].join(' or ') || fallback)]
}

function unknownKey(key: string, known: readonly string[], path: readonly (string | number)[]): SchemaDefect {
  const close = closestName(key, known)
  const hint = close === undefined ? '' : `: did you mean '${close}'?`
  return {
    code: 'unknown-key',
    message: `unknown key '${key}'${hint}`,
    expected: `one of ${known.join(', ')}`,
    found: key,
    path: [...path, key],
    part: 'key',
  }
}

function wrong(path: readonly (string | number)[], value: unknown, expected: string): SchemaDefect {
  const missing = value === undefined
  const name = path.length === 0 ? 'the document' : `'${pathText(path)}'`
  return {
    code: missing ? 'missing-key' : 'wrong-value',
    message: missing ? `${name} is missing` : `${name} is wrong`,
    expected,
    found: missing ? 'nothing' : describe(value),
    path,
    part: 'value',
  }
}

/** `functions[2].bars[0].size` */
function pathText(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`
    return text === '' ? step : `${text}.${step}`
  }, '')
}

function valueAt(root: unknown, path: readonly (string | number)[]): unknown {
  return path.reduce<unknown>((at, step) => {
    return typeof at === 'object' && at !== null ? (at as Record<string | number, unknown>)[step] : undefined
  }, root)
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
  null: 'null',
}

function words(type: string): string {
  return TYPE_WORDS[type] ?? type
}

const BOUND_WORDS: Readonly<Record<string, string>> = {
  string: ' characters',
  array: ' entries',
  object: ' keys',
}

function bound(origin: string, relation: string, limit: number | bigint): string {
  return `${relation} ${limit}${BOUND_WORDS[origin] ?? ''}`
}

const TEXT_MAX = 60

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a map'
  if (typeof value === 'string') {
    return `'${value.length > TEXT_MAX ? `${value.slice(0, TEXT_MAX)}...` : value}'`
  }
  return String(value)
}
