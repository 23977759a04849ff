/** The check of every rule for variant drivers, by id. */
import { demand } from '../demand.ts'
import type { RegionCheck } from '../region-check.ts'
import { REGION_CHECKS } from '../region-checks.ts'
import { BAR_CHECKS } from './bar-checks.ts'
import { FEATURE_CHECKS } from './feature-checks.ts'
import { LOG_CHECKS } from './log-checks.ts'
import { MIGRATION_CHECKS } from './migration-checks.ts'
import type { VariantRuleId } from './variant-rules.ts'

const openVariant: RegionCheck = {
  check(context) {
    const { bench } = context.opened()
    bench.demandNoFailure('matches', 'open')
    demand(Object.keys(context.variant).length > 0, 'open answers with a driver that changes nothing')
  },
}

const { 'open-regions': _, ...OF_REGIONS } = REGION_CHECKS

/** The type says that no rule is without a check. */
export const VARIANT_CHECKS: Readonly<Record<VariantRuleId, RegionCheck>> = {
  ...OF_REGIONS,
  'open-variant': openVariant,
  ...BAR_CHECKS,
  ...FEATURE_CHECKS,
  ...MIGRATION_CHECKS,
  ...LOG_CHECKS,
}
