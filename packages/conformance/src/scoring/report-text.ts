/** A report for people: differences side by side, then a table by topic, then totals. */
import { OUTCOME_MEMBERS, type TraceRecord } from '../trace-record.ts'
import { type ConformanceReport, type DifferenceInContext, shareOf } from './report.ts'

/** Longer values are cut; `--json` has them whole. */
const VALUE_MAX = 160

/** One difference, with the operations before it. */
export function differenceText(difference: DifferenceInContext): string {
  const { kernel, host, trace, expected, actual, reason, before } = difference
  const lines = [
    `${kernel} ${host}/${trace} line ${expected.line}${reason === undefined ? '' : ` (known: ${reason})`}`,
    ...before.map((record) => `    ${callText(record)}  ->  ${outcomeText(record)}`),
    `  > ${callText(expected)}`,
  ]
  for (const member of difference.members)
    lines.push(
      `      ${member}`,
      `        kernel ${shown(expected, member)}`,
      `        model  ${shown(actual, member)}`,
    )
  if (actual.broken !== undefined) lines.push(`        ${actual.broken}`)
  return lines.join('\n')
}

function callText({ i, op, args }: TraceRecord): string {
  return cut(`#${i} ${op} ${args.join(' ')}`)
}

function outcomeText(record: TraceRecord): string {
  const parts = OUTCOME_MEMBERS.filter((name) => name !== 'off' && name !== 'len' && name !== 'nfds')
    .filter((name) => record[name] !== undefined && !(name === 'ok' && record.ok === false))
    .map((name) => (name === 'ok' ? 'ok' : valueText(record[name])))
  return cut(parts.join(' '))
}

function shown(record: TraceRecord, path: string): string {
  const value = path.startsWith('result.')
    ? record.result?.[path.slice('result.'.length)]
    : record[path as keyof TraceRecord]
  return value === undefined ? '-' : cut(valueText(value))
}

function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value)
}

function cut(text: string): string {
  return text.length > VALUE_MAX ? `${text.slice(0, VALUE_MAX)}... (${text.length})` : text
}

/** A row of cells; numbers go to the right. */
export type Row = readonly (string | number)[]

/** A heading, and rows. */
export interface TableData {
  readonly heading: readonly string[]
  readonly rows: readonly Row[]
}

/** Shares by topic, one row a kernel and topic. */
export function topicTable({ topics }: ConformanceReport): TableData {
  return {
    heading: ['kernel', 'topic', 'same', 'differ', 'masked', 'share'],
    rows: topics.map(({ kernel, topic, same, differ, masked }) => [
      kernel,
      topic,
      same,
      differ,
      masked,
      percent(shareOf({ same, differ })),
    ]),
  }
}

/** Totals, one row a kernel. */
export function kernelTable({ kernels }: ConformanceReport): TableData {
  return {
    heading: [
      'kernel',
      'traces',
      'operations',
      'same',
      'differ',
      'masked',
      'skipped',
      'share',
      'era-specific',
    ],
    rows: [...kernels].map(([kernel, counts]) => [
      kernel,
      counts.traces,
      counts.operations,
      counts.same,
      counts.differ,
      counts.masked,
      counts.skipped,
      percent(shareOf(counts)),
      `${counts.eraSpecific.same}/${counts.eraSpecific.n}`,
    ]),
  }
}

/** Rounded down: 100 % means all of them. */
function percent(share: number): string {
  return `${(Math.floor(share * 10_000) / 100).toFixed(2)} %`
}
