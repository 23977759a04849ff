/** The rules of a contract, asked of one plugin. */
import { RuleBroken } from './demand.ts'
import type { ObservedPlugin } from './observed-plugin.ts'
import { type RegionCheck, RuleContext } from './region-check.ts'
import type { RegionFixture } from './region-fixture.ts'
import type { RegionRuleId } from './region-rules.ts'
import type { RuleId } from './variant/variant-rules.ts'

/** What became of one rule. */
export interface RuleResult<Id extends RuleId = RegionRuleId> {
  readonly id: Id
  readonly sentence: string
  /** `silent`: it has nothing to say of this plugin, or the fixture excepts it. */
  readonly outcome: 'holds' | 'broken' | 'silent'
  /** What was found or measured, or why the rule was not asked. */
  readonly detail: string | undefined
}

/** What a kind of plugin has to keep. */
export interface Contract<Id extends RuleId> {
  /** Sentences, in the order in which rules are asked. */
  readonly rules: Readonly<Record<Id, string>>
  readonly checks: Readonly<Record<Id, RegionCheck>>
  /** The rule that there is something to ask about; without it only those about matching are asked. */
  readonly opens: NoInfer<Id>
  /** Whether a rule has something to say of a plugin without any region. */
  readonly asksWithoutRegions: (id: RuleId) => boolean
}

/** Each rule is asked once, on machines of its own. */
export class Examination<Id extends RuleId> {
  readonly #results = new Map<RuleId, RuleResult<Id>>()
  /** Rules that are silent since another is broken, and which. */
  readonly #silencedBy = new Map<RuleId, RuleId>()

  /** @param plugged - The plugin, for one machine. */
  constructor(
    readonly contract: Contract<Id>,
    readonly plugged: () => ObservedPlugin,
    readonly fixture: RegionFixture,
  ) {}

  /** @throws RangeError for a fixture that describes no card, or leaves no kernel to test under. */
  results(): RuleResult<Id>[] {
    return this.ids.map((id) => this.ask(id))
  }

  get ids(): Id[] {
    return Object.keys(this.contract.rules) as Id[]
  }

  /** Whatever a check throws means that the rule is broken. */
  ask(id: Id): RuleResult<Id> {
    let result = this.#results.get(id)
    if (result === undefined) {
      result = { id, sentence: this.contract.rules[id], ...this.#find(id) }
      this.#results.set(id, result)
    }
    return result
  }

  #find(id: Id): Pick<RuleResult, 'outcome' | 'detail'> {
    const check = this.contract.checks[id]
    const context = new RuleContext(this.plugged, this.fixture)
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

  #silence(id: Id, { needs = [], silent }: RegionCheck, context: RuleContext): string | undefined {
    const excepted = this.fixture.except?.[id]
    if (excepted !== undefined) return `excepted: ${excepted}`
    if (context.regions.length === 0 && !this.contract.asksWithoutRegions(id))
      return `${context.name} opens no region`
    const broken = this.#allNeeds(id, needs)
      .map((need) => this.#brokenBelow(need))
      .find((need) => need !== undefined)
    if (broken === undefined) return silent?.(context)
    this.#silencedBy.set(id, broken)
    return `${broken} is broken`
  }

  #allNeeds(id: Id, needs: readonly RuleId[]): readonly RuleId[] {
    const { opens } = this.contract
    return id === opens || id.startsWith('match-') ? needs : [opens, ...needs]
  }

  /** The rule itself, or the one that silences it. */
  #brokenBelow(id: RuleId): RuleId | undefined {
    if (!this.#has(id)) return undefined
    return this.ask(id).outcome === 'broken' ? id : this.#silencedBy.get(id)
  }

  #has(id: RuleId): id is Id {
    return Object.hasOwn(this.contract.rules, id)
  }
}
