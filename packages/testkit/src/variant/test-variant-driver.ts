/** The contract of a variant driver as a vitest suite. */
import type { VariantDriver } from '@vfiokit/vfio-pci'
import type { RegionFixture } from '../region-fixture.ts'
import { suiteOf } from '../suite.ts'
import { variantExamination } from './check-variant-driver.ts'

/**
 * Registers one test for each rule, as `testRegionProvider` does.
 *
 * @example
 * ```ts no-run
 * import { testVariantDriver } from '@vfiokit/testkit'
 *
 * testVariantDriver(
 *   {
 *     name: 'half',
 *     matches: (fn) => fn.vendorId === 0x1234,
 *     open: () => ({ bars: { 0: { visibleBytes: 0x1000 } } }),
 *   },
 *   { function: { vendorId: 0x1234, deviceId: 1, bars: [{ index: 0, sizeBytes: 0x2000 }] } },
 * )
 * ```
 */
export function testVariantDriver(driver: VariantDriver, fixture: RegionFixture): void {
  suiteOf(`variant driver ${driver.name}`, variantExamination(driver, fixture))
}
