/** Measurements as comma-separated values (RFC 4180): one row each, under one heading. */
import type { OperationFigures } from '../measure/result.ts'
import { OPERATION_KINDS, type OperationKind } from '../measure/tally.ts'
import type { Measurement } from './measurement.ts'

type Cell = string | number
type Column = readonly [name: string, cell: (row: Measurement) => Cell]

const BEFORE: readonly Column[] = [
  ['strategy', ({ strategy }) => strategy],
  ['devices', ({ devices }) => devices],
  ['mappings', ({ mappings }) => mappings],
  ['fault_rate', ({ faultRate }) => faultRate],
  ['verdict', ({ verdict }) => verdict],
  ['message', ({ message = '' }) => message],
  ['simulated_ns', ({ simulatedNs }) => simulatedNs],
]

const BEHIND: readonly Column[] = [
  ['hits', ({ hits }) => hits],
  ['touches_per_second', ({ touchesPerSecond }) => touchesPerSecond],
  ['denied', ({ denied }) => denied],
  ['hot_reset_attempts', ({ hotResets }) => hotResets.attempts],
  ['hot_reset_refused', ({ hotResets }) => hotResets.refused],
  ['ebusy_rate', ({ hotResets }) => hotResets.ebusyRate],
  ['refaults_excess', ({ refaults }) => refaults.excess],
  ['refaults_excess_share', ({ refaults }) => refaults.excessShare],
  ['refaults_in_vain', ({ refaults }) => refaults.inVain],
  ['refaults_in_vain_share', ({ refaults }) => refaults.inVainShare],
  ['zapped_pages', ({ zapped }) => zapped.pages],
  ['zapped_pages_excess', ({ zapped }) => zapped.excess],
]

const FIGURES: readonly (readonly [name: string, key: keyof OperationFigures])[] = [
  ['count', 'count'],
  ['per_second', 'perSecond'],
  ['p50_ns', 'p50'],
  ['p90_ns', 'p90'],
  ['p99_ns', 'p99'],
  ['max_ns', 'max'],
  ['unfinished', 'unfinished'],
  ['oldest_ns', 'oldest'],
]

/** A heading and a row for each measurement; columns of operations that nobody did are left out. */
export function csvOf(rows: readonly Measurement[]): string {
  const kinds = OPERATION_KINDS.filter((kind) => rows.some(({ operations }) => operations[kind]))
  const columns = [...BEFORE, ...kinds.flatMap(columnsOf), ...BEHIND]
  const lines = [columns.map(([name]) => name), ...rows.map((row) => columns.map(([, cell]) => cell(row)))]
  return lines.map((line) => `${line.map(quoted).join(',')}\r\n`).join('')
}

function columnsOf(kind: OperationKind): Column[] {
  const prefix = kind.replaceAll('-', '_')
  return FIGURES.map(([name, key]) => [
    `${prefix}_${name}`,
    ({ operations }) => operations[kind]?.[key] ?? '',
  ])
}

function quoted(cell: Cell): string {
  const text = String(cell)
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
