/** What the recorded kernels did, operation by operation: the judge of the model. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import {
  type ConformanceReport,
  conform,
  differenceText,
  GoldenArchive,
  type KernelCounts,
  KNOWN_DIFFERENCES,
  ownGolden,
  shareOf,
} from '@vfiokit/conformance'
import { KERNEL_VERSIONS, type KernelVersion } from '@vfiokit/host'
import { describe, expect, test } from 'vitest'
import { figuresTable, withFigures } from '../fixtures/figures.ts'
import { makeConformanceHost } from './conformance-host.ts'

const SHARE_AT_LEAST: Readonly<Record<KernelVersion, number>> = {
  '5.10': 0.985,
  '6.1': 0.985,
  '6.12': 0.995,
  '7.2': 0.995,
}
const DOCUMENT = fileURLToPath(new URL('../../../../docs/conformance.md', import.meta.url))
const RANDOM_DATA = fileURLToPath(new URL('../../../conformance/data-random', import.meta.url))
/** A kernel with its machines takes some seconds, and the machine may be busy. */
const PATIENCE_MS = 120_000

/** Recordings by name, as docs/conformance.md calls them. */
const RECORDINGS = {
  scripts: ownGolden,
  'random scripts': () => new GoldenArchive(RANDOM_DATA),
} as const
type RecordingName = keyof typeof RECORDINGS

/** Each is replayed once. */
const replayed = new Map<string, Promise<ConformanceReport>>()

function reportOf(kernel: KernelVersion, name: RecordingName): Promise<ConformanceReport> {
  const key = `${kernel} ${name}`
  const known = replayed.get(key)
  if (known !== undefined) return known
  const golden = RECORDINGS[name]()
  const report = conform({ kernels: [kernel], golden, data: ownGolden(), makeHost: makeConformanceHost })
  replayed.set(key, report)
  return report
}

async function replay(kernel: KernelVersion, name: RecordingName): Promise<Replayed> {
  const report = await reportOf(kernel, name)
  return { report, counts: report.kernels.get(kernel)! }
}

interface Replayed {
  readonly report: ConformanceReport
  readonly counts: KernelCounts
}

const unexplained = ({ differences }: ConformanceReport) =>
  differences.filter(({ reason }) => reason === undefined).map(differenceText)

const topicsBelow = ({ topics }: ConformanceReport, share: number) =>
  topics.filter((topic) => shareOf(topic) < share)

describe.each(KERNEL_VERSIONS)('under Linux %s', (kernel) => {
  test('the scripts do what that kernel did', { timeout: PATIENCE_MS }, async () => {
    const { report, counts } = await replay(kernel, 'scripts')
    expect(unexplained(report)).toEqual([])
    expect(counts.traces).toBe(256)
    expect(shareOf(counts)).toBeGreaterThanOrEqual(SHARE_AT_LEAST[kernel])
    expect(topicsBelow(report, 0.97)).toEqual([])
    expect(counts.masked / counts.operations).toBeLessThan(0.01)
    const { n, same } = counts.eraSpecific
    expect(same).toBeGreaterThanOrEqual(0.95 * n)
    // What is known to differ does differ: an entry that has become right is to be taken out.
    const known = KNOWN_DIFFERENCES.filter(({ kernels }) => kernels.includes(kernel))
    expect(report.differences).toHaveLength(known.length)
    expect(known.length / counts.operations).toBeLessThanOrEqual(0.005)
  })

  test('random scripts do what that kernel did', { timeout: PATIENCE_MS }, async () => {
    const { report, counts } = await replay(kernel, 'random scripts')
    expect(unexplained(report)).toEqual([])
    expect(shareOf(counts)).toBeGreaterThanOrEqual(SHARE_AT_LEAST[kernel])
  })
})

test('docs/conformance.md has these figures', { timeout: 4 * PATIENCE_MS }, async () => {
  let document = readFileSync(DOCUMENT, 'utf8')
  for (const name of Object.keys(RECORDINGS) as RecordingName[]) {
    const reports = new Map<KernelVersion, ConformanceReport>()
    for (const kernel of KERNEL_VERSIONS) reports.set(kernel, await reportOf(kernel, name))
    document = withFigures(document, name, figuresTable(reports))
  }
  // `vitest run packages/cli/src/commands/golden-replay.test.ts --update` writes them.
  await expect(document).toMatchFileSnapshot(DOCUMENT)
})
