import { unmapRange } from '@vfiokit/locking-strategies'
import { naive, zapBeforeLock } from '@vfiokit/locking-strategies/canaries'
import { describe, expect, test } from 'vitest'
import { slot } from '../fixtures/slot.ts'
import { Model } from '../model/model.ts'
import { exploreNow } from './exhaustive.ts'
import { replay } from './replay.ts'

const size = slot({ devices: 2, faults: 2, resets: 1 })

describe.each([zapBeforeLock, naive])('the counterexample of $name', (strategy) => {
  test.each(['any-free-moment', 'queue-fair'] as const)('leads to the same end again, %s', (semantics) => {
    const program = new Model(strategy, size).program()
    const { counterexample, property } = exploreNow(program, { semantics })
    const kept = JSON.parse(JSON.stringify(counterexample))
    expect(replay(new Model(strategy, size).program(), kept)).toEqual({ outcome: 'same-steps', property })
  })
})

test('repaired code diverges, and the step is named', () => {
  const { counterexample } = exploreNow(new Model(zapBeforeLock, size).program())
  expect(replay(new Model(unmapRange, size).program(), counterexample!)).toMatchObject({
    outcome: 'diverged',
    expected: 'zap space:d0',
    found: 'acquire memory_lock:d0 (write)',
  })
})

test('a task that is gone is named', () => {
  const program = new Model(unmapRange, size).program()
  const steps = [{ task: 'nobody', op: 'zap', object: 'space:d0', result: '' }]
  const trace = { lockSemantics: 'any-free-moment' as const, steps, blocked: [], isShortest: true }
  expect(replay(program, trace)).toMatchObject({ outcome: 'diverged', at: 1, found: 'no task nobody' })
})
