/**
 * The contracts without a test runner: for a script, a browser or another runner than vitest.
 * @packageDocumentation
 */
export { checkRegionProvider } from './check-region-provider.ts'
export type { RuleResult } from './examination.ts'
export type {
  FixtureBar,
  FixtureFunction,
  FixtureNeighbour,
  RegionExpectation,
  RegionFixture,
} from './region-fixture.ts'
export { REGION_RULES, type RegionRuleId } from './region-rules.ts'
export {
  checkLockingStrategy,
  type StrategyRuleResult,
} from './strategy/check-locking-strategy.ts'
export type { StrategyTrial } from './strategy/strategy-checks.ts'
export { STRATEGY_RULES, type StrategyRuleId } from './strategy/strategy-rules.ts'
export { checkVariantDriver } from './variant/check-variant-driver.ts'
export { DRIVER_RULES, type RuleId, VARIANT_RULES, type VariantRuleId } from './variant/variant-rules.ts'
