import {
  ControlledDriver,
  type ControlledOutcome,
  INVARIANTS,
  type InvariantId,
  type Operation,
  randomSchedule,
} from '@vfiokit/locking'
import { STRATEGIES } from '@vfiokit/locking-strategies'
import { naive, zapBeforeLock } from '@vfiokit/locking-strategies/canaries'
import { VfioError } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { contend } from './fixtures/contention.ts'
import { Host } from './fixtures/host.ts'

const SEEDS = 120
/** A hot reset waits for its members, and is never EBUSY. */
const WAITING: ReadonlySet<string> = new Set(['ordered', 'set-rwsem'])
/** A hot reset takes no lock of the set, as in these kernels. */
const WITHOUT_SET_LOCK: ReadonlySet<string> = new Set(['vma-list', 'rfc-2021'])
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
    const busy = WAITING.has(strategy.name) ? [] : ['EBUSY']
    expect([...answers.keys()].sort()).toEqual([...busy, 'EFAULT', 'EIO', 'SIGBUS'])
  })

  test('equal seeds give equal runs', () => {
    const [one, two] = [contend(strategy, 42), contend(strategy, 42)]
    expect(two.outcome.steps).toBe(one.outcome.steps)
    expect([...two.answers]).toEqual([...one.answers])
    expect(two.monitor.report()).toEqual(one.monitor.report())
  })
})

describe.each(STRATEGIES)('under $name', (strategy) => {
  test('T62 two processors that fault one page at once both get it', () => {
    for (let seed = 1; seed <= 60; seed++) {
      const host = new Host({ strategy, bind: ['nvme'] })
      const map = host.guest().open('nvme').map(0)
      const load = () => map.calls.load(map.address, new Uint8Array(4))
      const { verdict, failures } = together(seed, load(), load())
      expect([seed, verdict, failures, map.presentPages]).toEqual([seed, 'finished', [], 1])
    }
  })

  test('T45 of two hot resets at once both succeed where the set has a lock for them', () => {
    const errors = new Set<unknown>()
    for (let seed = 1; seed <= 60; seed++) {
      const host = new Host({ strategy, bind: ['nvme', 'nic', 'edu', 'testdev'] })
      const vm = host.guest()
      const [nvme, nic] = [vm.open('nvme'), vm.open('nic')]
      const groups = [vm.group('nic')]
      const { failures } = together(seed, nvme.calls.hotReset(groups), nic.calls.hotReset(groups))
      for (const { error } of failures) errors.add(VfioError.is(error) ? error.errno : error)
      expect([seed, host.busyLocks()]).toEqual([seed, []])
    }
    expect([...errors]).toEqual(WITHOUT_SET_LOCK.has(strategy.name) ? ['EBUSY'] : [])
  })
})

/** Two operations under a seed. */
function together(seed: number, ...operations: readonly Operation<unknown>[]): ControlledOutcome {
  const driver = new ControlledDriver({ schedule: randomSchedule(seed) })
  for (const [at, operation] of operations.entries()) driver.spawn(`task ${at}`, operation)
  return driver.run()
}

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
