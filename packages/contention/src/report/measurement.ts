/** One result with the size that it was measured at: a row of every report. */
import type { ContentionResult } from '../measure/result.ts'

/** What is varied to see how strategies scale. */
export interface ContentionSize {
  readonly devices: number
  /** Mappings for each one of the workload. */
  readonly mappings: number
  /** Touches per second of each client that touches. */
  readonly faultRate: number
}

/** A row. */
export interface Measurement extends ContentionSize, ContentionResult {}

/** What can be varied, and how it is called in reports. The first that varies is the axis of a plot. */
export const DIMENSIONS: readonly { readonly key: keyof ContentionSize; readonly label: string }[] = [
  { key: 'devices', label: 'devices' },
  { key: 'mappings', label: 'mappings per device' },
  { key: 'faultRate', label: 'touches per second and thread' },
]

/** Those of which there is more than one value. */
export function variedDimensions(rows: readonly ContentionSize[]): typeof DIMENSIONS {
  return DIMENSIONS.filter(({ key }) => new Set(rows.map((row) => row[key])).size > 1)
}
