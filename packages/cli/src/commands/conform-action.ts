/** Runs a conformance check and prints what came of it. */
import {
  type ConformanceReport,
  conform,
  differenceText,
  GoldenArchive,
  GoldenFolder,
  type GoldenSource,
  InputError,
  isGoldenArchive,
  kernelTable,
  ownGolden,
  reportJson,
  type TableData,
  topicTable,
} from '@vfiokit/conformance'
import { KERNEL_VERSIONS, type KernelVersion } from '@vfiokit/host'
import { table } from '../table.ts'
import type { Terminal } from '../terminal.ts'
import type { ConformFlags } from './conform.ts'
import { makeConformanceHost } from './conformance-host.ts'

/** @returns the exit code: 1 when something differs that is not known to */
export async function conformAction(
  traces: readonly string[],
  flags: ConformFlags,
  terminal: Terminal,
): Promise<number> {
  const kernels = kernelsOf(flags.kernel)
  const golden = flags.golden === undefined ? ownGolden() : sourceOf(flags.golden)
  const data = flags.data === undefined ? ownGolden() : sourceOf(flags.data)
  const wanted = new Set(traces)
  refuseUnknown(traces, kernels, golden)
  const report = await conform({
    kernels,
    golden,
    data,
    makeHost: makeConformanceHost,
    wants: (host, trace) => wanted.size === 0 || wanted.has(trace) || wanted.has(`${host}/${trace}`),
    onTrace: progressOf(terminal),
  })
  const text = flags.json === true ? JSON.stringify(reportJson(report), undefined, 2) : textOf(report)
  terminal.out.write(`${text}\n`)
  return report.differences.some(({ reason }) => reason === undefined) ? 1 : 0
}

/** A folder as it was recorded, or one of packed files. */
export function sourceOf(folder: string): GoldenSource {
  return isGoldenArchive(folder) ? new GoldenArchive(folder) : new GoldenFolder(folder)
}

/** @throws InputError for a kernel that nobody knows. */
export function kernelsOf(names: readonly string[] | undefined): readonly KernelVersion[] {
  if (names === undefined) return KERNEL_VERSIONS
  return names.map((name) => {
    const known = KERNEL_VERSIONS.find((version) => version === name)
    if (known !== undefined) return known
    throw new InputError([{ file: '--kernel', expected: KERNEL_VERSIONS.join(', '), found: name }])
  })
}

/** A trace that is nowhere, or a folder without any, would look like a check that passed. */
function refuseUnknown(
  traces: readonly string[],
  kernels: readonly KernelVersion[],
  golden: GoldenSource,
): void {
  const names = new Set<string>()
  for (const kernel of kernels)
    for (const host of golden.hosts(kernel))
      for (const trace of golden.traceNames(kernel, host)) names.add(trace).add(`${host}/${trace}`)
  const file = golden.title
  if (names.size === 0)
    throw new InputError([{ file, expected: `traces of ${kernels.join(', ')}`, found: 'none' }])
  const unknown = traces.filter((trace) => !names.has(trace))
  if (unknown.length > 0)
    throw new InputError(unknown.map((found) => ({ file, expected: 'the name of a trace', found })))
}

function progressOf({ err }: Terminal): (kernel: string, host: string, trace: string) => void {
  if (err.isTTY !== true) return () => {}
  return (kernel, host, trace) => void err.write(`\r\x1b[K${kernel} ${host}/${trace}`)
}

function textOf(report: ConformanceReport): string {
  const masks = [...report.masks].map(([name, count]) => `${name} ${count}`).join(', ') || 'none'
  return [
    ...report.differences.map(differenceText),
    tableText(topicTable(report)),
    tableText(kernelTable(report)),
    `masked by: ${masks}`,
  ].join('\n\n')
}

function tableText({ heading, rows }: TableData): string {
  return table(heading, rows)
}
