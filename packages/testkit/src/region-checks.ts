/** The check of every rule, by id. */
import type { RegionCheck } from './region-check.ts'
import type { RegionRuleId } from './region-rules.ts'
import { ACCESS_CHECKS } from './rules/access.ts'
import { CONTAINMENT_CHECKS } from './rules/containment.ts'
import { CONTESTED_CHECKS } from './rules/contested.ts'
import { COST_CHECKS } from './rules/cost.ts'
import { DISTURBED_CHECKS } from './rules/disturbed.ts'
import { INFORMATION_CHECKS } from './rules/information.ts'
import { LEAK_CHECKS } from './rules/leak.ts'
import { LIVE_CHECKS } from './rules/live.ts'
import { MAPPING_CHECKS } from './rules/mapping.ts'
import { OPENING_CHECKS } from './rules/opening.ts'

/** The type says that no rule is without a check. */
export const REGION_CHECKS: Readonly<Record<RegionRuleId, RegionCheck>> = {
  ...OPENING_CHECKS,
  ...INFORMATION_CHECKS,
  ...ACCESS_CHECKS,
  ...MAPPING_CHECKS,
  ...DISTURBED_CHECKS,
  ...CONTAINMENT_CHECKS,
  ...CONTESTED_CHECKS,
  ...LIVE_CHECKS,
  ...LEAK_CHECKS,
  ...COST_CHECKS,
}
