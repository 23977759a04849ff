/** Asks every rule of a provider, without a test runner. */
import type { RegionProvider } from '@vfiokit/vfio-pci'
import { RuleBroken } from './demand.ts'
import { type RegionCheck, RuleContext } from './region-check.ts'
import { REGION_CHECKS } from './region-checks.ts'
import type { RegionFixture } from './region-fixture.ts'
import { REGION_RULES, type RegionRuleId } from './region-rules.ts'

/** What became of one rule. */
export interface RuleResult {
  readonly id: RegionRuleId
  readonly sentence: string
  /** `silent`: it has nothing to say of this provider, or the fixture excepts it. */
  readonly outcome: 'holds' | 'broken' | 'silent'
  /** What was found, or why the rule was not asked. */
  readonly detail: string | undefined
}

/**
 * Asks every rule, each on machines of its own.
 *
 * @throws RangeError for a fixture that describes no card.
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
  const results: RuleResult[] = []
  for (const id of Object.keys(REGION_RULES) as RegionRuleId[]) results.push(askRule(id, provider, fixture))
  return results
}

/** Asks one rule. Whatever a check throws means that the rule is broken. */
export function askRule(id: RegionRuleId, provider: RegionProvider, fixture: RegionFixture): RuleResult {
  const check = REGION_CHECKS[id]
  const sentence = REGION_RULES[id]
  const excepted = fixture.except?.[id]
  if (excepted !== undefined) return { id, sentence, outcome: 'silent', detail: `excepted: ${excepted}` }
  const context = new RuleContext(provider, fixture)
  const silent = NEEDS_NO_REGION.has(id) ? undefined : silence(check, context)
  if (silent !== undefined) return { id, sentence, outcome: 'silent', detail: silent }
  try {
    check.check(context)
    return { id, sentence, outcome: 'holds', detail: undefined }
  } catch (error) {
    const detail = error instanceof RuleBroken ? error.message : `the check ends with ${String(error)}`
    return { id, sentence, outcome: 'broken', detail }
  }
}

/** Every other rule is about regions. */
const NEEDS_NO_REGION: ReadonlySet<RegionRuleId> = new Set(['match-own', 'match-pure', 'open-regions'])

function silence({ silent }: RegionCheck, context: RuleContext): string | undefined {
  return context.regions.length === 0 ? 'the provider opens no region' : silent?.(context)
}
