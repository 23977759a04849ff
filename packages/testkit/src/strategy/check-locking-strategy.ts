/** Asks every rule of a locking strategy, without a test runner. */
import type { AnyLockingStrategy } from '@vfiokit/locking'
import { RuleBroken } from '../demand.ts'
import { STRATEGY_CHECKS, type StrategyTrial } from './strategy-checks.ts'
import { STRATEGY_RULES, type StrategyRuleId } from './strategy-rules.ts'

/** What became of one rule. */
export interface StrategyRuleResult {
  readonly id: StrategyRuleId
  readonly sentence: string
  readonly outcome: 'holds' | 'broken'
  /** What was found. */
  readonly detail: string | undefined
}

/** Asks every rule, each on machines of its own. */
export async function checkLockingStrategy(
  strategy: AnyLockingStrategy,
  trial: StrategyTrial = {},
): Promise<StrategyRuleResult[]> {
  const results: StrategyRuleResult[] = []
  for (const id of Object.keys(STRATEGY_RULES) as StrategyRuleId[])
    results.push(await askStrategy(strategy, id, trial))
  return results
}

/** Asks one rule. Whatever its check throws means that the rule is broken. */
export async function askStrategy(
  strategy: AnyLockingStrategy,
  id: StrategyRuleId,
  trial: StrategyTrial,
): Promise<StrategyRuleResult> {
  const sentence = STRATEGY_RULES[id]
  try {
    await STRATEGY_CHECKS[id](strategy, trial)
    return { id, sentence, outcome: 'holds', detail: undefined }
  } catch (error) {
    const detail = error instanceof RuleBroken ? error.message : `the check ends with ${String(error)}`
    return { id, sentence, outcome: 'broken', detail }
  }
}
