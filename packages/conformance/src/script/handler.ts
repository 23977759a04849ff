/** What carries out one operation. */
import type { TraceRecord } from '../trace-record.ts'
import type { OperationWords } from './operation.ts'
import type { Answer } from './outcome.ts'
import type { ScriptSession } from './session.ts'

/** Where the value of a record comes from: what a masking rule may ask about. */
export interface ValueOrigin {
  readonly device: string
  readonly space: 'region' | 'mapping' | 'physical-config' | 'attribute'
  /** Index of the region, for `region` and `mapping`. */
  readonly region?: number
  /** Of the first byte. */
  readonly offset?: number
  readonly attribute?: string
  /** Whether any descriptor or mapping kept the device open. */
  readonly isOpen: boolean
  /** Whether its MSI-X is on: its table holds messages of the host. */
  readonly hasMessages?: boolean
}

/** Members of the record that are known before the call that counts is made. */
export interface RecordDraft {
  off?: number
  len?: number
  nfds?: number
  origin?: ValueOrigin
}

/** An operation that is being carried out. */
export interface OperationCall extends OperationWords {
  readonly session: ScriptSession
  readonly draft: RecordDraft
}

/** @throws VfioError, VfioSignal, Skipped, NotCarried: each is an outcome. */
export type OperationHandler = (call: OperationCall) => Promise<Answer>

/** A record of the runner, with where its value came from. */
export interface RunRecord {
  readonly record: TraceRecord
  readonly origin?: ValueOrigin
}

/** An operation without anything to say. */
export const NOTHING: Answer = {}

/** Bytes as a script shows them. */
export function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}

/** Names of the bits that are set, lowest first. */
export function flagNames(flags: number, bits: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(bits)
    .filter(([, bit]) => (flags & bit) !== 0)
    .map(([name]) => name)
}
