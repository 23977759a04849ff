/** Asks every rule of a provider, without a test runner. */
import type { RegionProvider } from '@vfiokit/vfio-pci'
import { Examination, type RuleResult } from './examination.ts'
import { ObservedProvider } from './observed-provider.ts'
import { REGION_CHECKS } from './region-checks.ts'
import type { RegionFixture } from './region-fixture.ts'
import { REGION_RULES, type RegionRuleId } from './region-rules.ts'

/**
 * Asks every rule, each on machines of its own.
 *
 * @throws RangeError for a fixture that describes no card, or leaves no kernel to test under.
 *
 * @example
 * ```ts
 * import { checkRegionProvider } from '@vfiokit/testkit/check'
 *
 * const counter = {
 *   name: 'counter',
 *   matches: (fn: { vendorId: number }) => fn.vendorId === 0x1234,
 *   open: () => [
 *     {
 *       kind: { vendor: 0x1234, subtype: 1 },
 *       sizeBytes: 16,
 *       read: (offset: number, out: Uint8Array) => void out.fill(offset === 3 ? 0 : 7),
 *     },
 *   ],
 * }
 * const results = await checkRegionProvider(counter, { function: { vendorId: 0x1234, deviceId: 1 } })
 * const broken = results.filter(({ outcome }) => outcome === 'broken')
 * console.log(broken.map(({ id }) => id)) // => [ 'read-pieces' ]
 * ```
 */
export async function checkRegionProvider(
  provider: RegionProvider,
  fixture: RegionFixture,
): Promise<RuleResult[]> {
  return examinationOf(provider, fixture).results()
}

/** Every other rule is about regions. */
const NEEDS_NO_REGION: ReadonlySet<string> = new Set(['match-own', 'match-pure', 'open-regions'])

/** The contract of regions, to be asked of a provider rule by rule. */
export function examinationOf(provider: RegionProvider, fixture: RegionFixture): Examination<RegionRuleId> {
  return new Examination(
    {
      rules: REGION_RULES,
      checks: REGION_CHECKS,
      opens: 'open-regions',
      asksWithoutRegions: (id) => NEEDS_NO_REGION.has(id),
    },
    () => new ObservedProvider(provider),
    fixture,
  )
}
