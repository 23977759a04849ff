/** Asks every rule of a variant driver, without a test runner. */
import type { VariantDriver } from '@vfiokit/vfio-pci'
import { Examination, type RuleResult } from '../examination.ts'
import { ObservedVariantDriver } from '../observed-variant-driver.ts'
import type { RegionFixture } from '../region-fixture.ts'
import { VARIANT_CHECKS } from './variant-checks.ts'
import { type RuleId, VARIANT_RULES, type VariantRuleId } from './variant-rules.ts'

/**
 * Asks every rule, each on machines of its own: those of regions for regions and BARs of the driver, and those of
 * features, migration and the dirty log.
 *
 * @throws RangeError for a fixture that describes no card, or leaves no kernel to test under.
 *
 * @example
 * ```ts
 * import { checkVariantDriver } from '@vfiokit/testkit/check'
 *
 * const shy = {
 *   name: 'shy',
 *   matches: (fn: { vendorId: number }) => fn.vendorId === 0x1234,
 *   open: () => ({
 *     features: new Map([[40, { payloadBytes: 4, get: (payload: Uint8Array) => void payload.fill(turn++) }]]),
 *   }),
 * }
 * let turn = 0
 * const results = await checkVariantDriver(shy, { function: { vendorId: 0x1234, deviceId: 1 } })
 * const broken = results.filter(({ outcome }) => outcome === 'broken')
 * console.log(broken.map(({ id }) => id)) // => [ 'feature-again' ]
 * ```
 */
export async function checkVariantDriver(
  driver: VariantDriver,
  fixture: RegionFixture,
): Promise<RuleResult<VariantRuleId>[]> {
  return variantExamination(driver, fixture).results()
}

/** Rules about regions and BARs alone. */
const NEEDS_REGIONS = /^(info|read|write|access|map|bar|memory|cost)-|^open-(expected|separate)$/

/** The contract, to be asked of a driver rule by rule. */
export function variantExamination(
  driver: VariantDriver,
  fixture: RegionFixture,
): Examination<VariantRuleId> {
  return new Examination(
    {
      rules: VARIANT_RULES,
      checks: VARIANT_CHECKS,
      opens: 'open-variant',
      asksWithoutRegions: (id: RuleId) => !NEEDS_REGIONS.test(id),
    },
    () => new ObservedVariantDriver(driver),
    fixture,
  )
}
