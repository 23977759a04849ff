/** The contract of a variant driver: that of regions, for its regions and BARs, and what only a driver has. */
import { REGION_RULES, type RegionRuleId } from '../region-rules.ts'

/** The rules about what only a driver has, by id. */
export const DRIVER_RULES = {
  'open-variant': 'open answers with a driver that does something',
  'cut-visible': 'of a BAR that is cut users see the beginning: in region info, by read, write and mmap',
  'register-sized': 'the register of a replaced BAR is sized as it says, also after a reset',
  'feature-probe': 'a feature has the operations that it has a member for, and no others',
  'feature-again': 'a feature that is got twice is the same, and takes what it gave',
  'migration-says': 'a device that is opened runs, and says what it can and how much state it has',
  'migration-ways':
    'every way from state to state that the table has can be gone, and data comes where it begins',
  'migration-carries': 'a card that was given the state of another gives the same state',
  'migration-precopy':
    'what changes after a first copy follows, and the other card gives the state of the end',
  'migration-cut': 'a stream that is cut off is refused, and the registers of the card stay as they were',
  'migration-reset': 'a reset ends migration in every state: RUNNING, data of no use, and it can begin anew',
  'migration-close':
    'closing the device ends migration in every state: the next open runs and can begin anew',
  'log-written': 'every page that the card writes while it logs is reported, once',
  'log-outside': 'what it writes outside of the ranges, before the start or after the stop is not reported',
  'log-again': 'a log is not started twice, and can be started again after its stop and after another open',
} as const

/** Id of a rule for variant drivers. */
export type VariantRuleId = Exclude<RegionRuleId, 'open-regions'> | keyof typeof DRIVER_RULES

/** Id of a rule for anything that has regions. */
export type RuleId = RegionRuleId | VariantRuleId

/** A driver may do without regions. */
const { 'open-regions': _, ...OF_REGIONS } = REGION_RULES

/** Rules by id, in the order in which they are asked. */
export const VARIANT_RULES: Readonly<Record<VariantRuleId, string>> = { ...OF_REGIONS, ...DRIVER_RULES }
