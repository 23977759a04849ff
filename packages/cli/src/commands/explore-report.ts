/** What `vfiokit explore` prints: a table of verdicts, and each counterexample step by step. */
import type { Counterexample } from '@vfiokit/explorer'
import { table } from '../table.ts'
import type { Paint } from '../terminal.ts'
import type { ExpectedVerdict } from './explore-expect.ts'

/** Who took part. */
export interface Parties {
  readonly devices: readonly string[]
  readonly tasks: readonly { readonly name: string; readonly count?: number | undefined }[]
}

interface Explored {
  readonly path: string
  readonly parties: Parties
  readonly results: readonly ExpectedVerdict[]
}

/** The whole report. */
export function verdictsText({ path, parties, results }: Explored, paint: Paint): string {
  const rows = results.map((result) => [
    result.strategy,
    verdictText(result),
    result.property ?? '',
    result.states,
    result.transitions,
    result.overZap ?? '',
    result.cpuSeconds.toFixed(2),
    scopeOf(result),
  ])
  const heading = [
    'strategy',
    'verdict',
    'property',
    'states',
    'transitions',
    'over-zap',
    'CPU s',
    'what was looked at',
  ]
  const failed = results.filter(({ verdict }) => verdict !== 'ok')
  return [
    paint('bold', `${path}: ${sizeOf(parties)}`),
    table(heading, rows),
    ...failed.map((result) => failureText(result, paint)),
    ...results.flatMap((result) => waitsText(result, paint)),
  ].join('\n\n')
}

function sizeOf({ devices, tasks }: Parties): string {
  const counted = tasks.map(({ name, count = 1 }) => (count === 1 ? name : `${count} ${name}`))
  return `${devices.length} devices; ${counted.join(', ')}`
}

function verdictText({ verdict, expected }: ExpectedVerdict): string {
  if (expected === undefined || (expected === 'ok' && verdict === 'ok')) return verdict
  return verdict === expected ? `${verdict}, as expected` : `${verdict}, expected ${expected}`
}

/** No verdict goes without what it holds for. */
function scopeOf({ mode, lockSemantics, bound, reductions }: ExpectedVerdict): string {
  const how = reductions.length === 0 ? mode : `${mode} (${reductions.join(', ')})`
  return [how, lockSemantics, ...(bound === undefined ? [] : [bound])].join('; ')
}

/** How often others get a lock while one waits for it. */
function waitsText({ strategy, overtaken }: ExpectedVerdict, paint: Paint): string[] {
  if (overtaken === undefined) return []
  const rows = overtaken.map(({ task, lock, count }) => [task, lock, count ?? 'no bound'])
  return [`${paint('bold', `== ${strategy}`)}\n${table(['who waits', 'for', 'overtaken at most'], rows)}`]
}

function failureText(
  { strategy, verdict, property, message, counterexample }: ExpectedVerdict,
  paint: Paint,
): string {
  const headline = `== ${strategy}: ${verdict}${property === undefined ? '' : ` of ${property}`}`
  return [
    paint('red', headline),
    ...(message === undefined ? [] : [message]),
    ...(counterexample === undefined ? [] : [stepsText(counterexample)]),
  ].join('\n')
}

/** One line a step, one column a task. */
function stepsText({ steps, blocked, isShortest }: Counterexample): string {
  const tasks = [...new Set(steps.map(({ task }) => task))]
  const rows = steps.map(({ task, op, object, result }, at) => {
    const text = `${op} ${object}${result === '' ? '' : ` = ${result}`}`
    return [at + 1, ...tasks.map((column) => (column === task ? text : ''))]
  })
  const waiting = blocked.map(
    ({ task, waitsFor, holds }) => `${task} waits for ${waitsFor}, holds ${holds.join(', ') || 'nothing'}`,
  )
  const length = isShortest ? `${steps.length} steps, the fewest there can be` : `${steps.length} steps`
  return [`\n${table(['step', ...tasks], rows)}`, ...waiting, length].join('\n')
}
