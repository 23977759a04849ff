import type { AnyLockingStrategy } from '@vfiokit/locking'
import { STRATEGIES } from '@vfiokit/locking-strategies'
import { naive, zapBeforeLock } from '@vfiokit/locking-strategies/canaries'
import { KERNEL_VERSIONS } from '@vfiokit/vfio-core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { RANDOM_CALLS, RANDOM_OPENING } from './fixtures/random-call.ts'
import { type RandomUse, type RandomUseRun, useRandomly } from './fixtures/random-use.ts'

const SEQUENCES = 10_000
const LEAST_PER_PAIR = 100

const CANARY_SEQUENCES = 20_000

const drawnUnder = (...strategies: readonly AnyLockingStrategy[]) =>
  fc.record({
    strategy: fc.constantFrom(...strategies),
    kernel: fc.constantFrom(...KERNEL_VERSIONS),
    devices: fc.integer({ min: 1, max: 4 }),
    seed: fc.nat(0xffff_ffff),
    opening: fc.oneof({ weight: 4, arbitrary: RANDOM_OPENING }, { weight: 1, arbitrary: fc.constant([]) }),
    calls: fc.tuple(RANDOM_CALLS, RANDOM_CALLS),
    interleaved: fc.boolean(),
  })

/** What must hold after anything that users did. */
function demandOrder({ outcome, monitor, host }: RandomUseRun): void {
  expect(outcome.failures).toEqual([])
  expect(outcome.verdict).toBe('finished')
  expect(monitor.broken).toEqual([])
  expect(host.busyLocks()).toEqual([])
  for (const { cells, mappings, presentBarPages } of host.core.devices.values())
    expect([cells.openCount.peek(), mappings.size, presentBarPages]).toEqual([0, 0, 0])
}

test(`${SEQUENCES} random sequences of calls: I1-I8 hold, no lock is left, every failure has an errno`, () => {
  const pairs = new Map<string, number>()
  const answers = new Map<string, number>()
  fc.assert(
    fc.property(drawnUnder(...STRATEGIES), (use) => {
      const run = useRandomly(use)
      demandOrder(run)
      const pair = `${use.strategy.name} on ${use.kernel}`
      pairs.set(pair, (pairs.get(pair) ?? 0) + 1)
      for (const [answer, count] of run.answers) answers.set(answer, (answers.get(answer) ?? 0) + count)
    }),
    { numRuns: SEQUENCES },
  )
  const { seed } = fc.readConfigureGlobal()
  console.log(`seed ${seed ?? 'drawn'}; answers: ${[...answers].map((pair) => pair.join(' ')).join(', ')}`)
  expect(pairs.size).toBe(STRATEGIES.length * KERNEL_VERSIONS.length)
  expect(Math.min(...pairs.values())).toBeGreaterThanOrEqual(LEAST_PER_PAIR)
  // A minute on a machine that has nothing else to do.
}, 180_000)

test.each([
  { canary: naive, defect: 'deadlock' as const },
  { canary: zapBeforeLock, defect: 'I1' as const },
])('the same calls find what is wrong with $canary.name: $defect', ({ canary, defect }) => {
  const found = (use: RandomUse) => {
    const { outcome, monitor } = useRandomly(use)
    return [outcome.verdict, ...monitor.broken.map(({ id }) => id)].includes(defect)
  }
  // What is wrong with them shows only between processes that share devices.
  const shared = fc.tuple(drawnUnder(canary), RANDOM_OPENING)
  const { failed } = fc.check(
    fc.property(shared, ([use, opening]) => !found({ ...use, opening, interleaved: true })),
    { numRuns: CANARY_SEQUENCES, endOnFailure: true },
  )
  expect(failed).toBe(true)
})
