/** The contract of a locking strategy: what each rule says, as a fact about a strategy that keeps it. */

/** Rules by id, in the order in which they are asked. */
export const STRATEGY_RULES = {
  'read-side-stable': 'the read side of a device is the same locks in the same modes each time it is asked',
  'exclude-readers': 'exclude keeps every reader of the device out while its body runs',
  'exclude-zaps': 'exclude for a zap empties the mappings of the BARs before its body, and no other memory',
  'exclude-only-locks': 'exclude without a zap leaves every page where it is',
  'lifecycle-nests': 'exclude may run inside lifecycle',
  'set-excludes-all':
    'a hot reset finds every member excluded and emptied, and memory that is no BAR left alone',
  'set-refuses': 'a member that says no ends a hot reset with its errno, before anything is reset',
  'set-pairs-hooks':
    'prepare and unprepare, locked and releasing are paired for every member, whatever goes wrong',
  'throw-gives-back': 'no lock is left when a body or a hook throws',
  'live-keeps-order': 'many tasks at once, each as fast as it can: no lock is left and every mapping works',
  'contest-two-fair': 'two devices under random schedules, locks with a queue: I1-I8 hold, nobody is stuck',
  'contest-two-unfair': 'two devices under random schedules, locks without a queue: the same',
  'contest-three-fair': 'three devices under random schedules, locks with a queue: the same',
  'contest-three-unfair': 'three devices under random schedules, locks without a queue: the same',
  'explored-two-fair':
    'every interleaving of two devices, four faults, a guest, two hot resets, locks with a queue: the same',
  'explored-two-unfair': 'every interleaving of those, locks without a queue: the same',
  'explored-three-fair':
    'every interleaving of three devices, three faults, a guest, two hot resets, locks with a queue: the same',
  'explored-three-unfair': 'every interleaving of those three, locks without a queue: the same',
} as const

/** Id of a rule. */
export type StrategyRuleId = keyof typeof STRATEGY_RULES
