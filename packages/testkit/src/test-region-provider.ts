/** The contract of a region provider as a vitest suite. */
import type { RegionProvider } from '@vfiokit/vfio-pci'
import { describe, it } from 'vitest'
import { Examination } from './check-region-provider.ts'
import type { RegionFixture } from './region-fixture.ts'
import { REGION_RULES, type RegionRuleId } from './region-rules.ts'

/** A thousand opens on a busy machine take longer than the default of vitest. */
const TIMEOUT_MS = 60_000

/**
 * Registers one test for each rule. Rules that have nothing to say of the provider are shown as skipped,
 * with the reason; what a rule measured is an annotation of its test.
 *
 * @example
 * ```ts no-run
 * import { testRegionProvider } from '@vfiokit/testkit'
 *
 * testRegionProvider(
 *   {
 *     name: 'version',
 *     matches: (fn) => fn.vendorId === 0x1234,
 *     open: () => [
 *       { kind: { vendor: 0x1234, subtype: 1 }, sizeBytes: 4, read: (_offset, out) => void out.fill(1) },
 *     ],
 *   },
 *   { function: { vendorId: 0x1234, deviceId: 1 } },
 * )
 * ```
 */
export function testRegionProvider(provider: RegionProvider, fixture: RegionFixture): void {
  const examination = new Examination(provider, fixture)
  describe(`region provider ${provider.name}`, () => {
    for (const [id, sentence] of Object.entries(REGION_RULES) as [RegionRuleId, string][])
      it(`${sentence} [${id}]`, { timeout: TIMEOUT_MS }, async (test) => {
        const { outcome, detail } = examination.ask(id)
        if (outcome === 'silent') test.skip(detail)
        if (outcome === 'broken') throw new Error(detail)
        if (detail !== undefined) await test.annotate(detail)
      })
  })
}
