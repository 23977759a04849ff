import type { AnyLockingStrategy } from '@vfiokit/locking'
import { bareRun } from '@vfiokit/locking/bare'
import { rfc2021, STRATEGIES, vmaList } from '@vfiokit/locking-strategies'
import { VARIANTS } from '@vfiokit/locking-strategies/variants'
import { describe, expect, test } from 'vitest'

const SEEDS = 1_000

/** The first seed under which something goes wrong, and what. */
function firstSeedWith(strategy: AnyLockingStrategy, defect: string, fair: boolean): number | undefined {
  for (let seed = 0; seed < SEEDS; seed++) {
    const { monitor, outcome, intrusions } = bareRun(strategy, seed, { fair })
    const found: string[] = monitor.broken.map(({ id }) => id)
    if (outcome.verdict === 'deadlock') found.push('deadlock')
    if (outcome.failures.some(({ error }) => String(error).includes('BUG'))) found.push('throws')
    if (intrusions.length > 0) found.push('I6')
    if (found.includes(defect)) return seed
  }
  return undefined
}

describe.each(VARIANTS)('$strategy.name', ({ strategy, defect, needsFairLocks }) => {
  test(`comes to ${defect} in some schedule of locks with a queue`, () => {
    expect(firstSeedWith(strategy, defect, true)).toBeDefined()
  })

  if (needsFairLocks === true)
    test('does no harm where a waiting writer stops nobody', () => {
      expect(firstSeedWith(strategy, defect, false)).toBeUndefined()
    })
})

test('T63 two threads that fault at once insert the same pages twice under the RFC, not as it was corrected', () => {
  const { strategy } = VARIANTS.find(({ strategy: { name } }) => name === 'rfc-2021-no-guard')!
  expect(firstSeedWith(strategy, 'throws', true)).toBeDefined()
  expect(firstSeedWith(rfc2021, 'throws', true)).toBeUndefined()
})

test('a variant has a name of its own', () => {
  const names = [...STRATEGIES, ...VARIANTS.map(({ strategy }) => strategy)].map(({ name }) => name)
  expect(new Set(names).size).toBe(names.length)
})

describe('open and close in the middle of a hot reset', () => {
  const known: readonly AnyLockingStrategy[] = [vmaList, rfc2021]

  test.each(known)('happen under $name, as in its kernel: it takes no lock of the set', (strategy) => {
    expect(firstSeedWith(strategy, 'I6', true)).toBeDefined()
  })

  test.each(STRATEGIES.filter((strategy) => !known.includes(strategy)))(
    'do not happen under $name',
    (strategy) => {
      expect(firstSeedWith(strategy, 'I6', true)).toBeUndefined()
    },
  )
})
