/**
 * Scripts of VFIO operations, a runner over any VfioHost, and the comparison with what real kernels did.
 * @packageDocumentation
 */
export type { Awaitable } from './awaitable.ts'
export { type ConformanceRequest, conform } from './conform.ts'
export type { ConformanceHost, HostFactory, MachineDescription, Seeds } from './conformance-host.ts'
export { GoldenArchive, isGoldenArchive, packGolden } from './golden/golden-archive.ts'
export { GoldenFolder } from './golden/golden-folder.ts'
export type { GoldenSource, Measurements, NamedText } from './golden/golden-source.ts'
export { type FunctionFacts, MachineFacts } from './golden/machine-facts.ts'
export { describeMachine } from './golden/machine-source.ts'
export { type InputDefect, InputError } from './input-error.ts'
export { OWN_DATA_FOLDER, ownGolden } from './own-data.ts'
export { readTrace, traceText } from './read-trace.ts'
export { runScript } from './run-script.ts'
export { type Comparison, compareRecords, OWN_MASK, type RecordClass } from './scoring/comparison.ts'
export { KNOWN_DIFFERENCES, type KnownDifference } from './scoring/known-differences.ts'
export {
  type ByteQuestion,
  MASKING_RULES,
  MaskingMachine,
  type MaskingRule,
} from './scoring/masking-rules.ts'
export {
  type BarText,
  type ProfileText,
  type RegisterMark,
  RegisterMarks,
  type RegisterText,
} from './scoring/register-marks.ts'
export {
  type ClassCounts,
  type ConformanceReport,
  type Difference,
  type DifferenceInContext,
  type KernelCounts,
  reportJson,
  shareOf,
  type TopicCounts,
  topicOf,
} from './scoring/report.ts'
export { differenceText, kernelTable, type Row, type TableData, topicTable } from './scoring/report-text.ts'
export type { RunRecord, ValueOrigin } from './script/handler.ts'
export type { ScriptOperation } from './script/operation.ts'
export { parseScript } from './script/parse-script.ts'
export type { TraceRecord } from './trace-record.ts'
