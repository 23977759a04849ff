/** The contract of a locking strategy as a vitest suite. */
import type { AnyLockingStrategy } from '@vfiokit/locking'
import { describe, it } from 'vitest'
import { askStrategy } from './check-locking-strategy.ts'
import type { StrategyTrial } from './strategy-checks.ts'
import { STRATEGY_RULES, type StrategyRuleId } from './strategy-rules.ts'

/**
 * Registers one test for each rule.
 *
 * @example
 * ```ts no-run
 * import { unmapRange } from '@vfiokit/locking-strategies'
 * import { testLockingStrategy } from '@vfiokit/testkit'
 *
 * testLockingStrategy({ ...unmapRange, name: 'mine' })
 * ```
 */
export function testLockingStrategy(strategy: AnyLockingStrategy, trial: StrategyTrial = {}): void {
  describe(`locking strategy ${strategy.name}`, () => {
    for (const [id, sentence] of Object.entries(STRATEGY_RULES) as [StrategyRuleId, string][])
      it(`${sentence} [${id}]`, async () => {
        const { outcome, detail } = await askStrategy(strategy, id, trial)
        if (outcome === 'broken') throw new Error(detail)
      })
  })
}
