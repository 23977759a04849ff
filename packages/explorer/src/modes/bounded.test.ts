import { unmapRange } from '@vfiokit/locking-strategies'
import { naive, zapBeforeLock } from '@vfiokit/locking-strategies/canaries'
import { expect, test } from 'vitest'
import { slot } from '../fixtures/slot.ts'
import { Model } from '../model/model.ts'
import type { ModelSpec } from '../model/model-spec.ts'
import type { Program } from '../program/program.ts'
import type { Verdict } from '../report/verdict.ts'
import { bounded } from './bounded.ts'
import { exploreNow } from './exhaustive.ts'
import { runToEnd } from './run-to-end.ts'

function verdictOf(program: Program, preemptions: number): Verdict {
  return runToEnd(bounded(program, { preemptions }))
}

const size: ModelSpec = slot({ devices: 2, faults: 1, resets: 1 })

test('zap-before-lock needs one preemption, between zap and lock', () => {
  const program = new Model(zapBeforeLock, size).program()
  expect(verdictOf(program, 0)).toMatchObject({ verdict: 'ok', bound: 'at most 0 preemptions' })
  const found = verdictOf(program, 1)
  expect(found).toMatchObject({ verdict: 'violation', property: 'I1', mode: 'bounded' })
  expect(found.counterexample!.steps.at(-1)).toMatchObject({ op: 'set', object: 'memory:d0 := false' })
})

test('naive deadlocks with one preemption', () => {
  const program = new Model(naive, size).program()
  expect(verdictOf(program, 1).verdict).toBe('deadlock')
})

test('a bound that is never reached looks at every state', () => {
  const program = new Model(unmapRange, slot({ devices: 1, faults: 1, resets: 1 })).program()
  const all = exploreNow(program, { reductions: { persistentSets: false, chains: false, symmetry: false } })
  const few = verdictOf(program, 1)
  const many = verdictOf(program, 60)
  expect(few.verdict).toBe('ok')
  expect(many.transitions).toBeGreaterThan(few.transitions)
  expect(many.states).toBeGreaterThan(all.states)
})
