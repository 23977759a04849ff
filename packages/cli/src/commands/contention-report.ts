/** What `vfiokit contention` prints: a table over strategies and sizes, and why a run did not come to its end. */
import {
  COSTS,
  type CostName,
  countText,
  type Measurement,
  type OperationFigures,
  type OperationKind,
  shareText,
  timeText,
  variedDimensions,
} from '@vfiokit/contention'
import { table } from '../table.ts'
import type { Paint } from '../terminal.ts'
import type { ContentionSetting } from './contention-action.ts'

/** Kinds that have columns of their own, as the table calls them. */
const KINDS: readonly (readonly [kind: OperationKind, name: string])[] = [
  ['fault', 'fault'],
  ['toggle', 'toggle'],
  ['hot-reset', 'hot reset'],
  ['access', 'access'],
  ['function-reset', 'function reset'],
]
const FIGURES: readonly (readonly [name: string, text: (figures: OperationFigures) => string])[] = [
  ['/s', ({ perSecond }) => countText(perSecond)],
  [' p50', ({ p50 }) => timeText(p50)],
  [' p90', ({ p90 }) => timeText(p90)],
  [' p99', ({ p99 }) => timeText(p99)],
  [' max', ({ max }) => timeText(max)],
]

/** The whole report. */
export function contentionText(
  rows: readonly Measurement[],
  setting: ContentionSetting,
  paint: Paint,
): string {
  const failed = rows.filter(({ verdict }) => verdict !== 'ok')
  return [
    paint('bold', headingText(setting)),
    ...tables(rows),
    ...failed.map((row) => paint('red', failureText(row))),
  ].join('\n\n')
}

function headingText({ scenario, durationNs, seed, pages, costs }: ContentionSetting): string {
  const changed = (Object.keys(COSTS) as CostName[]).filter((name) => costs[name] !== COSTS[name].ns)
  const model =
    changed.length === 0
      ? 'costs as they are by default, most of them assumed'
      : `costs given: ${changed.map((name) => `${name} ${timeText(costs[name])}`).join(', ')}`
  return `${scenario}: ${durationNs / 1e9} s simulated, seed ${seed}, ${pages} pages a mapping; ${model}`
}

/** One table of shares, one for each kind of operation that somebody did. */
function tables(rows: readonly Measurement[]): string[] {
  const varied = variedDimensions(rows)
  const before = ['strategy', ...varied.map(({ label }) => label)]
  const sizeOf = (row: Measurement) => [row.strategy, ...varied.map(({ key }) => row[key])]
  const shares = rows.map((row) => {
    const { touchesPerSecond, hotResets, refaults, denied } = row
    return [
      ...sizeOf(row),
      countText(touchesPerSecond),
      hotResets.attempts,
      hotResets.attempts === 0 ? '-' : shareText(hotResets.ebusyRate),
      shareText(refaults.excessShare),
      refaults.excess,
      shareText(refaults.inVainShare),
      denied,
    ]
  })
  const heading = [...before, 'touches/s', 'hot resets', 'EBUSY', 'over-zap', 'refaults', 'in vain', 'denied']
  return [
    ...KINDS.filter(([kind]) => rows.some(({ operations }) => operations[kind])).map(([kind, name]) =>
      table(
        [...before, `${name}s/s`, ...FIGURES.slice(1).map(([suffix]) => `${name}${suffix}`), 'unfinished'],
        rows.map((row) => [...sizeOf(row), ...figuresOf(row.operations[kind])]),
      ),
    ),
    table(heading, shares),
  ]
}

function figuresOf(figures: OperationFigures | undefined): (string | number)[] {
  if (figures === undefined) return [...FIGURES.map(() => '-'), 0]
  return [...FIGURES.map(([, text]) => text(figures)), figures.unfinished]
}

function failureText({ strategy, devices, verdict, message = '' }: Measurement): string {
  return `== ${strategy}, ${devices} devices: ${verdict}: ${message}`
}
