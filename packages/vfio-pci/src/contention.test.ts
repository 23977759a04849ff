import { INVARIANTS, type InvariantId } from '@vfiokit/locking'
import { naive, zapBeforeLock } from '@vfiokit/locking-strategies/canaries'
import { describe, expect, test } from 'vitest'
import { contend } from './fixtures/contention.ts'
import { STRATEGIES } from './fixtures/host.ts'

const SEEDS = 120
const IDS = Object.keys(INVARIANTS) as InvariantId[]

describe.each(STRATEGIES)('two processes on one slot, under $name', (strategy) => {
  test(`I1-I8 hold for ${SEEDS} seeds, each asked; no lock is left, nobody is stuck`, () => {
    const checked = new Map<InvariantId, number>()
    const answers = new Map<string, number>()
    let waits = 0
    for (let seed = 1; seed <= SEEDS; seed++) {
      const run = contend(strategy, seed)
      expect([seed, run.outcome.verdict, run.outcome.failures]).toEqual([seed, 'finished', []])
      expect([seed, run.monitor.broken]).toEqual([seed, []])
      expect([seed, run.host.busyLocks()]).toEqual([seed, []])
      expect([seed, run.host.bus.failureLines]).toEqual([seed, []])
      for (const { id, checked: count } of run.monitor.report())
        checked.set(id, (checked.get(id) ?? 0) + count)
      for (const [answer, count] of run.answers) answers.set(answer, (answers.get(answer) ?? 0) + count)
      waits += run.waits
    }
    expect(IDS.filter((id) => (checked.get(id) ?? 0) === 0)).toEqual([])
    // The runs are worth something: locks were waited for, and everything that can be refused was.
    expect(waits).toBeGreaterThan(SEEDS)
    expect([...answers.keys()].sort()).toEqual(['EBUSY', 'EFAULT', 'EIO', 'SIGBUS'])
  })

  test('equal seeds give equal runs', () => {
    const [one, two] = [contend(strategy, 42), contend(strategy, 42)]
    expect(two.outcome.steps).toBe(one.outcome.steps)
    expect([...two.answers]).toEqual([...one.answers])
    expect(two.monitor.report()).toEqual(one.monitor.report())
  })
})

describe('what is wrong is seen', () => {
  test('with zap-before-lock a page stays mapped while memory is off: I1', () => {
    const broken = new Set<string>()
    for (let seed = 1; seed <= SEEDS && !broken.has('I1'); seed++)
      for (const { id } of contend(zapBeforeLock, seed).monitor.broken) broken.add(id)
    expect([...broken]).toContain('I1')
  })

  test('naive gets stuck', () => {
    let stuck = 0
    for (let seed = 1; seed <= SEEDS && stuck === 0; seed++)
      if (contend(naive, seed).outcome.verdict === 'deadlock') stuck++
    expect(stuck).toBe(1)
  })
})
