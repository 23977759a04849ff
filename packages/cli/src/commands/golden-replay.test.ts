/** What the recorded kernels did, operation by operation: the judge of the model. */
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
import { makeConformanceHost } from './conformance-host.ts'

const SHARE_AT_LEAST: Readonly<Record<KernelVersion, number>> = {
  '5.10': 0.985,
  '6.1': 0.985,
  '6.12': 0.995,
  '7.2': 0.995,
}
const RANDOM_DATA = fileURLToPath(new URL('../../../conformance/data-random', import.meta.url))
/** A kernel with its machines takes some seconds, and the machine may be busy. */
const PATIENCE_MS = 120_000

async function replay(kernel: KernelVersion, golden: GoldenArchive): Promise<Replayed> {
  const report = await conform({
    kernels: [kernel],
    golden,
    data: ownGolden(),
    makeHost: makeConformanceHost,
  })
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
    const { report, counts } = await replay(kernel, ownGolden())
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
    const { report, counts } = await replay(kernel, new GoldenArchive(RANDOM_DATA))
    expect(unexplained(report)).toEqual([])
    expect(shareOf(counts)).toBeGreaterThanOrEqual(SHARE_AT_LEAST[kernel])
  })
})
