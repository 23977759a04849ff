/** Rules about faults against zaps, under each locking strategy and in many orders. */
import type { AnyLockingStrategy } from '@vfiokit/locking'
import { rfc2021, unmapRange, vmaList } from '@vfiokit/locking-strategies'
import { holdContest } from '../contest.ts'
import type { ChecksNamed, RegionCheck } from '../region-check.ts'

const SEEDS = 25

/** @param strategy - With `SEEDS` schedules, each on a machine of its own. A sample: it proves nothing. */
export function contested(strategy: AnyLockingStrategy): RegionCheck {
  return {
    needs: ['read-inside', 'write-inside', 'map-pages', 'reset-any-time', 'throw-member'],
    check(context) {
      for (let seed = 0; seed < SEEDS; seed++) holdContest(context, context.bench({ strategy }), seed)
    },
  }
}

/** By id, in the order in which they are asked. */
export const CONTESTED_CHECKS: ChecksNamed<'contest'> = {
  'contest-unmap-range': contested(unmapRange),
  'contest-rfc-2021': contested(rfc2021),
  'contest-vma-list': contested(vmaList),
}
