/** The contract of a region provider as a vitest suite. */
import type { RegionProvider } from '@vfiokit/vfio-pci'
import { examinationOf } from './check-region-provider.ts'
import type { RegionFixture } from './region-fixture.ts'
import { suiteOf } from './suite.ts'

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
  suiteOf(`region provider ${provider.name}`, examinationOf(provider, fixture))
}
