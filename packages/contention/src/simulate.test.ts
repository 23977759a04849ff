import { type AnyLockingStrategy, acquire, type Operation, release, run } from '@vfiokit/locking'
import { ordered, STRATEGIES, setRwsem, sharedInode, unmapRange, vmaList } from '@vfiokit/locking-strategies'
import { naive, zapBeforeLock } from '@vfiokit/locking-strategies/canaries'
import { describe, expect, test } from 'vitest'
import { costsWith } from './costs.ts'
import { alone, slot } from './fixtures/slot.ts'
import { simulate, simulateNow } from './simulate.ts'

/** Long enough for hot resets to meet. */
const CROWDED = { durationNs: 3e9, rates: { fault: 200, toggle: 50, reset: 5 } }
/** One that resets at once costs nothing, so that locks decide. */
const QUICK = { ...CROWDED, costs: costsWith({ 'bus-reset': 1000 }) }

describe('a client that is alone', () => {
  test('faults for: fault, mmap_lock, memory_lock, insert, both released, access', () => {
    const { operations, verdict } = simulateNow(unmapRange, alone({ do: 'touch', mapping: 'bar of d0' }))
    expect(verdict).toBe('ok')
    const { fault, remap } = operations
    expect(fault).toMatchObject({ p50: 1180, p99: 1180, max: 1180, unfinished: 0 })
    // Lock, unlinked with 64 pages or with those behind where it began, linked, release.
    expect(remap!.max).toBe(20 + (2000 + 200 + 64 * 25) + 1000 + 1000 + 20)
    expect(fault!.perSecond).toBeCloseTo(fault!.count / 5)
  })

  test('brings in the whole mapping with one fault where the strategy does', () => {
    const touching = alone({ do: 'touch', mapping: 'bar of d0' })
    const { operations, hits } = simulateNow(vmaList, touching, { pages: 10 })
    // vma_lock too, and ten pages.
    expect(operations.fault!.max).toBe(500 + 3 * 20 + 10 * 100 + 3 * 20 + 500)
    const share = operations.fault!.count / (operations.fault!.count + hits)
    expect(share).toBeGreaterThan(0.08)
    expect(share).toBeLessThan(0.12)
  })

  test('turns memory off for: lock, zap, write, release; and on without the zap', () => {
    const guest = alone(
      { do: 'set-memory', device: 'd0', on: false },
      { do: 'set-memory', device: 'd0', on: true },
    )
    const { toggle } = simulateNow(unmapRange, guest).operations
    expect([toggle!.p50, toggle!.max]).toEqual([20 + 1000 + 20, 20 + 2000 + 200 + 1000 + 20])
  })

  test('gives back at the end of a round what it took, so that it can begin again', () => {
    const mapped = 'bar of d0'
    for (const [step, kind] of [
      [{ do: 'close', device: 'd0' }, 'close'],
      [{ do: 'munmap', mapping: mapped }, 'munmap'],
      [{ do: 'power', device: 'd0', state: 'D3hot' }, 'power'],
      [{ do: 'set-memory', device: 'd0', on: false }, 'toggle'],
    ] as const) {
      const { operations, verdict } = simulateNow(unmapRange, alone(step))
      expect(verdict).toBe('ok')
      expect(operations[kind]!.count).toBeGreaterThan(5)
    }
  })

  test('does nothing at a rate of 0', () => {
    const result = simulateNow(unmapRange, alone({ do: 'touch', mapping: 'bar of d0' }), {
      rates: { fault: 0 },
    })
    expect(result).toMatchObject({ verdict: 'ok', operations: {}, hits: 0, steps: 0 })
  })

  test('measures every step that a workload has', () => {
    const { operations, verdict } = simulateNow(
      unmapRange,
      alone(
        { do: 'access', device: 'd0' },
        { do: 'reset', device: 'd0' },
        { do: 'close', device: 'd0' },
        { do: 'open', device: 'd0' },
        { do: 'munmap', mapping: 'bar of d0' },
        { do: 'mmap', mapping: 'bar of d0' },
        { do: 'hot-reset', onBusy: 'retry' },
      ),
    )
    expect(verdict).toBe('ok')
    expect(operations['function-reset']!.max).toBe(20 + 2200 + 100_000_000 + 20)
    expect(operations.access!.max).toBe(20 + 500 + 20)
    expect(Object.keys(operations)).toEqual([
      ...['access', 'function-reset', 'hot-reset', 'open', 'close', 'mmap', 'munmap'],
    ])
  })
})

describe('strategies', () => {
  test.each(STRATEGIES.map((strategy) => [strategy.name, strategy] as const))(
    '%s comes to the end, at equal seeds with equal figures',
    (_name, strategy) => {
      const result = simulateNow(strategy, slot(3), CROWDED)
      expect(result.verdict).toBe('ok')
      expect(result.operations.fault!.count).toBeGreaterThan(0)
      expect(result.operations.toggle!.count).toBeGreaterThan(0)
      expect(result.operations['hot-reset']!.count).toBeGreaterThan(0)
      expect(simulateNow(strategy, slot(3), CROWDED)).toEqual(result)
      expect(simulateNow(strategy, slot(3), { ...CROWDED, seed: 2 })).not.toEqual(result)
    },
  )

  test('only shared-inode zaps what nothing is done to', () => {
    for (const strategy of STRATEGIES) {
      const { refaults, zapped } = simulateNow(strategy, slot(4), CROWDED)
      const zapsInExcess = strategy === sharedInode
      expect([strategy.name, refaults.excess > 0, zapped.excess > 0]).toEqual([
        strategy.name,
        zapsInExcess,
        zapsInExcess,
      ])
    }
  })

  test('that wait are never EBUSY, and those that try are', () => {
    const waits = new Set<AnyLockingStrategy>([ordered, setRwsem])
    for (const strategy of STRATEGIES) {
      const { ebusyRate, refused, attempts } = simulateNow(strategy, slot(3), CROWDED).hotResets
      expect([strategy.name, ebusyRate > 0]).toEqual([strategy.name, !waits.has(strategy)])
      expect(ebusyRate).toBe(refused / attempts)
    }
  })

  test('a refused hot reset leaves refaults in vain only where it zaps while it tries', () => {
    const busy = { ...QUICK, rates: { fault: 2000, toggle: 0, reset: 500 } }
    const inVain = (strategy: AnyLockingStrategy) => simulateNow(strategy, slot(8), busy)
    expect(inVain(unmapRange).refaults.inVain).toBeGreaterThan(0)
    expect(inVain(sharedInode).hotResets.refused).toBeGreaterThan(0)
    expect(inVain(sharedInode).refaults.inVain).toBe(0)
  })

  test('retry until it is done: then what is refused is no less, and what is done is more', () => {
    const busy = { ...QUICK, rates: { fault: 2000, toggle: 0, reset: 500 } }
    const patient = slot(8)
    const tasks = patient.tasks.map((task) =>
      task.name === 'slot' ? { ...task, steps: [{ do: 'hot-reset', onBusy: 'retry' }] as const } : task,
    )
    const [once, again] = [patient, { ...patient, tasks }].map((each) => simulateNow(unmapRange, each, busy))
    expect(again!.verdict).toBe('ok')
    expect(again!.operations['hot-reset']!.count).toBe(again!.hotResets.attempts - again!.hotResets.refused)
    // The pause before another try stands in the latency.
    expect(again!.operations['hot-reset']!.max).toBeGreaterThan(1_000_000)
    expect(once!.operations['hot-reset']!.max).toBeLessThan(1_000_000)
  })
})

describe('a strategy that is wrong', () => {
  test('is not measured: it leaves pages behind', () => {
    const { verdict, message } = simulateNow(zapBeforeLock, slot(2), {
      ...QUICK,
      rates: { fault: 20_000, toggle: 2000, reset: 500 },
    })
    expect(verdict).toBe('failed')
    expect(message).toMatch(/ while \d+ pages of d\d are mapped$/)
  })

  test('is told to be in a deadlock', () => {
    const { verdict, message } = simulateNow(naive, slot(2), {
      ...QUICK,
      rates: { fault: 20_000, toggle: 2000, reset: 500 },
    })
    expect(verdict).toBe('deadlock')
    expect(message).toContain('waits for mmap_lock:vm0')
  })

  test('is told to keep a lock', () => {
    const keeps: AnyLockingStrategy = {
      ...unmapRange,
      *exclude(device, _effect, body): Operation<never> {
        yield* acquire(device.state.memoryLock)
        return (yield* run(body)) as never
      },
    }
    // One round alone: a second would wait for the first for ever.
    const resets = alone({ do: 'reset', device: 'd0' })
    const { verdict, message } = simulateNow(keeps, resets, { durationNs: 5e7, rates: { toggle: 1000 } })
    expect([verdict, message]).toEqual(['failed', 'at the end memory_lock:d0 are still held'])
  })

  test('is told to make no progress', () => {
    const spins: AnyLockingStrategy = {
      ...unmapRange,
      *exclude(device): Operation<never> {
        for (;;) {
          yield* acquire(device.state.memoryLock)
          yield* release(device.state.memoryLock)
        }
      },
    }
    const guest = alone({ do: 'set-memory', device: 'd0', on: true })
    const { verdict, message, operations } = simulateNow(spins, guest, { stallSteps: 500 })
    expect([verdict, message]).toEqual(['stalled', 'no operation ended in 500 steps'])
    expect(operations.toggle).toMatchObject({ count: 0, unfinished: 1 })
  })
})

describe('a run', () => {
  test('that is stopped says what is known', () => {
    const run = simulate(unmapRange, slot(16), { shouldStop: () => true })
    const { value } = run.next()
    expect(value).toMatchObject({ verdict: 'interrupted', message: 'stopped before the end' })
    expect(value.simulatedNs).toBeLessThan(5e9)
  })

  test('counts what is under way at the end, with its age', () => {
    const reset = alone({ do: 'hot-reset' })
    const { operations, verdict } = simulateNow(unmapRange, reset, { durationNs: 5e7, rates: { reset: 1e4 } })
    expect(verdict).toBe('ok')
    const { count, unfinished, oldest } = operations['hot-reset']!
    expect([count, unfinished]).toEqual([0, 1])
    expect(oldest).toBeGreaterThan(4e7)
    expect(oldest).toBeLessThan(5e7)
  })

  test.each([
    [{ pages: 0 }, '0 pages'],
    [{ copies: 0 }, '0 copies'],
    [{ pages: 1 << 20, copies: 1000 }, 'pages in all'],
    [{ durationNs: 0 }, 'a duration of 0 ns'],
    [{ seed: -1 }, 'seed -1'],
  ])('of a size that is none is refused: %j', (options, said) => {
    expect(() => simulateNow(unmapRange, slot(1), options)).toThrow(said)
  })

  test('of a workload that names what it does not have is refused', () => {
    expect(() => simulateNow(unmapRange, { ...slot(1), devices: [] })).toThrow('there is no device d0')
  })
})
