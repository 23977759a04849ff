import { type AnyLockingStrategy, get, INVARIANTS, type InvariantId, insert } from '@vfiokit/locking'
import type { BareMachineOptions } from '@vfiokit/locking/bare'
import { allComeBack, bareRun } from '@vfiokit/locking/bare'
import { STRATEGIES } from '@vfiokit/locking-strategies'
import { naive, zapBeforeLock } from '@vfiokit/locking-strategies/canaries'
import { describe, expect, test } from 'vitest'

const SEEDS = 2_000
/** These wait for whatever they need, and so never answer EBUSY. */
const NEVER_BUSY: ReadonlySet<string> = new Set(['ordered', 'set-rwsem'])

/** All that went wrong in any of the seeds, once each, and how often each invariant was asked. */
function runAll(strategy: AnyLockingStrategy, seeds: number, options: BareMachineOptions = {}) {
  const wrong = new Map<string, number>()
  const asked = new Map<InvariantId, number>()
  let waits = 0
  let busy = 0
  const add = (what: string) => wrong.set(what, (wrong.get(what) ?? 0) + 1)
  for (let seed = 0; seed < seeds; seed++) {
    const { machine, monitor, outcome } = bareRun(strategy, seed, {
      ...options,
      watch: (event) => {
        if (event.outcome === 'waiting') waits++
        if (event.op.kind === 'try-acquire' && event.result === false) busy++
      },
    })
    for (const { id, holds, checked } of monitor.report()) {
      asked.set(id, (asked.get(id) ?? 0) + checked)
      if (!holds) add(id)
    }
    if (outcome.verdict !== 'finished') add(outcome.verdict)
    else if (machine.busy.length > 0) add('lock left')
    else if (!allComeBack(machine)) add('a mapping stays away')
    for (const { error } of outcome.failures) add(String(error))
  }
  const unasked = Object.keys(INVARIANTS).filter((id) => (asked.get(id as InvariantId) ?? 0) === 0)
  return { wrong: Object.fromEntries(wrong), unasked, waits, busy }
}

describe.each(STRATEGIES)('$name', (strategy) => {
  test(`keeps every invariant, never deadlocks and leaves no lock, in ${SEEDS} runs`, () => {
    const { wrong, unasked, waits, busy } = runAll(strategy, SEEDS)
    expect(wrong).toEqual({})
    expect(unasked).toEqual([])
    expect(waits).toBeGreaterThan(SEEDS)
    if (NEVER_BUSY.has(strategy.name)) expect(busy).toBe(0)
    else expect(busy).toBeGreaterThan(SEEDS / 10)
  })

  test('does so with unfair locks too', () => {
    expect(runAll(strategy, 200, { fair: false })).toMatchObject({ wrong: {}, unasked: [] })
  })

  test('breaks I1 when the fault inserts before it tests', () => {
    const { wrong } = runAll(strategy, 200, {
      fault: (device, mapping, page) => ({
        whole: page === 'all',
        *admit() {
          yield* insert(mapping, page)
          return yield* get(device.cells.accessible)
        },
        act: () => insert(mapping, page),
      }),
    })
    expect(wrong.I1).toBeGreaterThan(0)
  })
})

describe('the canaries', () => {
  test('zap-before-lock breaks I1 and nothing about locks', () => {
    const { wrong } = runAll(zapBeforeLock, 200)
    expect(wrong.I1).toBeGreaterThan(0)
    expect(wrong.deadlock).toBeUndefined()
    expect(wrong['lock left']).toBeUndefined()
  })

  test('naive deadlocks', () => {
    const { wrong } = runAll(naive, 200)
    expect(wrong.deadlock).toBeGreaterThan(0)
  })
})
