/** Replays recordings on hosts of the model and compares record by record. */
import { setImmediate as nextJob } from 'node:timers/promises'
import type { KernelVersion } from '@vfiokit/vfio-core'
import type { HostFactory, MachineDescription } from './conformance-host.ts'
import type { GoldenSource } from './golden/golden-source.ts'
import { describeMachine } from './golden/machine-source.ts'
import { runScript } from './run-script.ts'
import { compareRecords } from './scoring/comparison.ts'
import { KNOWN_DIFFERENCES, type KnownDifference, reasonOf } from './scoring/known-differences.ts'
import { MaskingMachine } from './scoring/masking-rules.ts'
import { type ConformanceReport, ReportBuilder } from './scoring/report.ts'
import type { RunRecord } from './script/handler.ts'
import type { TraceRecord } from './trace-record.ts'

/** What is to be replayed, and on what. */
export interface ConformanceRequest {
  readonly kernels: readonly KernelVersion[]
  /** Where the traces are. */
  readonly golden: GoldenSource
  /** Where parts are looked for that {@link golden} lacks. */
  readonly data: GoldenSource
  readonly makeHost: HostFactory
  /** Which traces; all by default. */
  readonly wants?: (host: string, trace: string) => boolean
  /** Known differences, instead of the table. */
  readonly known?: readonly KnownDifference[]
  /** Told about each trace before it runs. */
  readonly onTrace?: (kernel: KernelVersion, host: string, trace: string) => void
}

/** The kernel that the others are compared with, for what is specific to an era. */
const NEWEST: KernelVersion = '7.2'
/** So many operations are shown before one that differs. */
const CONTEXT = 4

/** @throws InputError for a trace or snapshot that is missing or damaged. */
export async function conform(request: ConformanceRequest): Promise<ConformanceReport> {
  const report = new ReportBuilder()
  for (const kernel of request.kernels)
    for (const host of request.golden.hosts(kernel)) await conformHost(kernel, host, request, report)
  return report.finish()
}

async function conformHost(
  kernel: KernelVersion,
  host: string,
  request: ConformanceRequest,
  report: ReportBuilder,
): Promise<void> {
  const { golden, data, wants = () => true } = request
  const names = golden.traceNames(kernel, host).filter((name) => wants(host, name))
  if (names.length === 0) return
  const machine = describeMachine(kernel, host, [golden, data])
  const newest = new Map(
    kernel === NEWEST ? [] : names.map((name) => [name, golden.trace(NEWEST, host, name)] as const),
  )
  const masking = new MaskingMachine(machine)
  for (const trace of names) {
    request.onTrace?.(kernel, host, trace)
    // Inversion of control looks at hosts by weak references, which last until the job ends: in one job,
    // the hosts of all scripts would stay.
    await nextJob()
    const replay = await replayTrace({ machine, masking, trace, newest: newest.get(trace) }, request)
    score(replay, request, report)
  }
}

interface TraceOnMachine {
  readonly machine: MachineDescription
  readonly masking: MaskingMachine
  readonly trace: string
  /** What 7.2 did. */
  readonly newest: readonly TraceRecord[] | undefined
}

interface Replay extends TraceOnMachine {
  readonly expected: readonly TraceRecord[]
  readonly actual: readonly RunRecord[]
}

async function replayTrace(on: TraceOnMachine, { golden, makeHost }: ConformanceRequest): Promise<Replay> {
  const { machine, trace } = on
  const expected = golden.trace(machine.kernel, machine.host, trace)!
  const host = await makeHost(machine, golden.seeds(machine.host, trace))
  return { ...on, expected, actual: await runScript(expected, host, machine) }
}

function score(
  { machine, masking, trace, newest, expected, actual }: Replay,
  { known = KNOWN_DIFFERENCES }: ConformanceRequest,
  report: ReportBuilder,
): void {
  const { kernel, host } = machine
  report.addTrace(kernel)
  for (const [i, record] of expected.entries()) {
    const compared = compareRecords(record, actual[i]!, masking)
    report.add(kernel, trace, compared)
    const other = newest?.[i]
    if (other !== undefined && isOther(record, other, actual[i]!, masking))
      report.addEraSpecific(kernel, compared.class !== 'differ')
    if (compared.class !== 'differ') continue
    const reason = reasonOf({ kernel, host, trace, i: record.i }, known)
    report.addDifference({
      kernel,
      host,
      trace,
      i: record.i,
      op: record.op,
      expected: record,
      actual: actual[i]!.record,
      ...(reason === undefined ? {} : { reason }),
      members: compared.members,
      before: expected.slice(Math.max(0, i - CONTEXT), i),
    })
  }
}

/** Whether two kernels did different things, beyond what masking explains. */
function isOther(
  record: TraceRecord,
  newest: TraceRecord,
  { origin }: RunRecord,
  masking: MaskingMachine,
): boolean {
  const run: RunRecord = origin === undefined ? { record: newest } : { record: newest, origin }
  return compareRecords(record, run, masking).class === 'differ'
}
