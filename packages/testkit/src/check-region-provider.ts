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
  /** What was found or measured, or why the rule was not asked. */
  readonly detail: string | undefined
}

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
  const examination = new Examination(provider, fixture)
  return (Object.keys(REGION_RULES) as RegionRuleId[]).map((id) => examination.ask(id))
}

/** The rules asked of one provider, each once. */
export class Examination {
  readonly #results = new Map<RegionRuleId, RuleResult>()
  /** Rules that are silent since another is broken, and which. */
  readonly #silencedBy = new Map<RegionRuleId, RegionRuleId>()

  constructor(
    readonly provider: RegionProvider,
    readonly fixture: RegionFixture,
  ) {}

  /** Whatever a check throws means that the rule is broken. */
  ask(id: RegionRuleId): RuleResult {
    let result = this.#results.get(id)
    if (result === undefined) {
      result = { id, sentence: REGION_RULES[id], ...this.#find(id) }
      this.#results.set(id, result)
    }
    return result
  }

  #find(id: RegionRuleId): Pick<RuleResult, 'outcome' | 'detail'> {
    const check = REGION_CHECKS[id]
    const context = new RuleContext(this.provider, this.fixture)
    const silent = this.#silence(id, check, context)
    if (silent !== undefined) return { outcome: 'silent', detail: silent }
    try {
      check.check(context)
      return { outcome: 'holds', detail: context.measured }
    } catch (error) {
      const detail = error instanceof RuleBroken ? error.message : `the check ends with ${String(error)}`
      return { outcome: 'broken', detail }
    }
  }

  #silence(id: RegionRuleId, { needs = [], silent }: RegionCheck, context: RuleContext): string | undefined {
    const excepted = this.fixture.except?.[id]
    if (excepted !== undefined) return `excepted: ${excepted}`
    if (NEEDS_NO_REGION.has(id)) return undefined
    if (context.regions.length === 0) return 'the provider opens no region'
    const broken = needs.map((need) => this.#brokenBelow(need)).find((need) => need !== undefined)
    if (broken === undefined) return silent?.(context)
    this.#silencedBy.set(id, broken)
    return `${broken} is broken`
  }

  /** The rule itself, or the one that silences it. */
  #brokenBelow(id: RegionRuleId): RegionRuleId | undefined {
    return this.ask(id).outcome === 'broken' ? id : this.#silencedBy.get(id)
  }
}

/** Every other rule is about regions. */
const NEEDS_NO_REGION: ReadonlySet<RegionRuleId> = new Set(['match-own', 'match-pure', 'open-regions'])
