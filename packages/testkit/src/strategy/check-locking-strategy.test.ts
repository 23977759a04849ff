import { type AnyLockingStrategy, acquire, effect, Refused, release, run, zap } from '@vfiokit/locking'
import { STRATEGIES, unmapRange } from '@vfiokit/locking-strategies'
import { naive, zapBeforeLock } from '@vfiokit/locking-strategies/canaries'
import { VARIANTS } from '@vfiokit/locking-strategies/variants'
import { describe, expect, test } from 'vitest'
import { bookkeeping } from '../fixtures/bookkeeping.ts'
import { askStrategy, checkLockingStrategy } from './check-locking-strategy.ts'
import { STRATEGY_RULES, type StrategyRuleId } from './strategy-rules.ts'
import { testLockingStrategy } from './test-locking-strategy.ts'

for (const strategy of [...STRATEGIES, bookkeeping]) testLockingStrategy(strategy, { seeds: 200 })

const base: AnyLockingStrategy = unmapRange
const variant = (name: string) => VARIANTS.find(({ strategy }) => strategy.name === name)!.strategy

/** unmap-range with one fault; at least the rules that are named must find it. */
const FAULTS: readonly { rules: readonly StrategyRuleId[]; strategy: AnyLockingStrategy }[] = [
  { rules: ['read-side-stable'], strategy: { ...base, readSide: () => [] } },
  {
    rules: ['exclude-readers'],
    strategy: { ...base, readSide: (device) => [{ lock: device.set.state.mutex, mode: 'write' }] },
  },
  {
    rules: ['exclude-zaps', 'contest-two-fair'],
    strategy: { ...base, exclude: (device, _effect, body) => base.exclude(device, 'lock-only', body) },
  },
  {
    rules: ['exclude-zaps', 'set-excludes-all'],
    strategy: overZapping(),
  },
  {
    rules: ['exclude-only-locks'],
    strategy: { ...base, exclude: (device, _effect, body) => base.exclude(device, 'zap', body) },
  },
  {
    rules: ['lifecycle-nests'],
    strategy: {
      ...base,
      exclude: (device, effect, body) => base.lifecycle(device.set, () => base.exclude(device, effect, body)),
    },
  },
  {
    rules: ['set-excludes-all', 'contest-three-fair', 'contest-three-unfair', 'contest-two-unfair'],
    strategy: {
      ...base,
      excludeSet: (set, members, body) => base.excludeSet(set, members.slice(0, 1), body),
    },
  },
  {
    rules: ['set-refuses'],
    strategy: {
      ...base,
      *excludeSet(set, members, body) {
        const outcome = yield* base.excludeSet(set, members, body)
        return Refused.is(outcome) ? new Refused('EBUSY') : outcome
      },
    },
  },
  {
    rules: ['set-pairs-hooks'],
    strategy: {
      ...base,
      excludeSet: (set, members, body) =>
        base.excludeSet(
          set,
          members.map(({ unprepare: _, ...member }) => member),
          body,
        ),
    },
  },
  {
    rules: ['throw-gives-back'],
    strategy: {
      ...base,
      *lifecycle(set, body) {
        yield* acquire(set.state.mutex)
        const result = yield* run(body)
        yield* release(set.state.mutex)
        return result
      },
    },
  },
  { rules: ['live-keeps-order'], strategy: leavingWhenBusy() },
  {
    rules: ['contest-two-fair', 'contest-two-unfair', 'explored-three-fair', 'explored-three-unfair'],
    strategy: zapBeforeLock,
  },
  { rules: ['contest-two-fair', 'contest-three-fair'], strategy: variant('vma-list-recursive-read') },
  {
    rules: [
      'contest-two-fair',
      'contest-two-unfair',
      'contest-three-fair',
      'explored-two-fair',
      'explored-two-unfair',
    ],
    strategy: naive,
  },
]

/** It zaps everything there is, whether a BAR or not. */
function overZapping(): AnyLockingStrategy {
  const all = [{ first: 0, last: 2 ** 40 }]
  return {
    ...base,
    exclude: (device, mode, body) =>
      base.exclude(device, mode, function* () {
        if (mode === 'zap') yield* zap(device.addressSpace, all)
        return yield* run(body)
      }),
    excludeSet: (set, members, body) =>
      base.excludeSet(set, members, function* () {
        for (const { device } of members) yield* zap(device.addressSpace, all)
        return yield* run(body)
      }),
  }
}

/** It keeps the lock of the set when a member is contended. */
function leavingWhenBusy(): AnyLockingStrategy {
  return {
    ...base,
    *excludeSet(set, members, body) {
      const outcome = yield* base.excludeSet(set, members, body)
      yield* effect('late', [undefined], () => undefined)
      yield* acquire(set.state.mutex)
      return outcome
    },
  }
}

describe('a planted fault', () => {
  test.each(FAULTS)('is found by $rules', async ({ strategy, rules }) => {
    const broken = (await checkLockingStrategy(strategy)).flatMap(({ id, outcome }) =>
      outcome === 'broken' ? [id] : [],
    )
    for (const rule of rules) expect(broken).toContain(rule)
  })

  test('that is explored is shown with the steps that lead to it', async () => {
    const { outcome, detail } = await askStrategy(zapBeforeLock, 'explored-two-fair', {})
    expect(outcome).toBe('broken')
    expect(detail).toMatch(/^violation: I1/)
    expect(detail).toMatch(/^ {2}guest: zap space:d0$/m)
  })

  test('is there for every rule', () => {
    const found = new Set<StrategyRuleId>(FAULTS.flatMap(({ rules }) => rules))
    expect(Object.keys(STRATEGY_RULES).filter((id) => !found.has(id as StrategyRuleId))).toEqual([])
  })
})
