import {
  acquire,
  type Lock,
  LockRegistry,
  label,
  type Operation,
  progress,
  release,
  tryAcquire,
} from '@vfiokit/locking'
import { rfc2021, unmapRange, vmaList } from '@vfiokit/locking-strategies'
import { describe, expect, test } from 'vitest'
import { slot } from '../fixtures/slot.ts'
import { Model } from '../model/model.ts'
import { makeProgram, type Program, type TaskSource } from '../program/program.ts'
import type { Verdict } from '../report/verdict.ts'
import { type LivenessOptions, liveness } from './liveness.ts'
import { runToEnd } from './run-to-end.ts'

function verdictOf(program: Program, options: LivenessOptions = {}): Verdict {
  return runToEnd(liveness(program, options))
}

const registry = new LockRegistry({ fair: false })
const [a, b] = [registry.mutex('a'), registry.mutex('b')]
const task = (name: string, make: () => Operation<void>): TaskSource => ({ name, kind: name, make })

/** Takes one, tries the other, and gives the first back when that fails. */
function* polite(first: Lock, second: Lock): Operation<void> {
  for (;;) {
    yield* label('again')
    yield* acquire(first)
    if (yield* tryAcquire(second)) break
    yield* release(first)
  }
  yield* release(second)
  yield* release(first)
  yield* progress()
}

function* forEver(lock: Lock): Operation<void> {
  for (;;) {
    yield* label('round')
    yield* acquire(lock)
    yield* release(lock)
    yield* progress()
  }
}

describe('a livelock', () => {
  const tooPolite = makeProgram([task('one', () => polite(a, b)), task('two', () => polite(b, a))])

  test.each(['weak', 'strong'] as const)('of two that make way for each other is found, %s', (fairness) => {
    const result = verdictOf(tooPolite, { fairness })
    expect(result).toMatchObject({ verdict: 'livelock', property: 'livelock', mode: 'liveness' })
    expect(result.bound).toContain(`${fairness} fairness`)
    const { steps, loopsFrom } = result.counterexample!
    const round = steps.slice(loopsFrom! - 1)
    expect(new Set(round.map((step) => step.task))).toEqual(new Set(['one', 'two']))
  })

  test('of two in one order is none', () => {
    const program = makeProgram([task('one', () => polite(a, b)), task('two', () => polite(a, b))])
    expect(verdictOf(program).verdict).toBe('ok')
  })
})

describe('starvation', () => {
  const two = makeProgram([task('one', () => forEver(a)), task('two', () => forEver(a))])

  test('behind somebody who comes again and again is possible at any free moment, under weak fairness', () => {
    expect(verdictOf(two, { fairness: 'weak' })).toMatchObject({
      verdict: 'livelock',
      property: 'starvation',
    })
  })

  test('is not possible under strong fairness, nor in a queue', () => {
    expect(verdictOf(two, { fairness: 'strong' }).verdict).toBe('ok')
    expect(verdictOf(two, { fairness: 'weak', semantics: 'queue-fair' }).verdict).toBe('ok')
  })
})

const SEMANTICS = ['any-free-moment', 'queue-fair'] as const

describe.each(SEMANTICS)('a hot reset that tries again, %s', (semantics) => {
  const retries = slot({ devices: 2, faults: 1, resets: 1, onBusy: 'retry' })

  test.each([unmapRange, rfc2021])('under $name gets through in the end', (strategy) => {
    expect(verdictOf(new Model(strategy, retries).program(), { semantics })).toMatchObject({ verdict: 'ok' })
  })

  test('under vma-list may empty a list for ever that a thread fills again', () => {
    const result = verdictOf(new Model(vmaList, retries).program(), { semantics })
    expect(result).toMatchObject({ verdict: 'livelock', property: 'livelock' })
    const round = result.counterexample!.steps.slice(result.counterexample!.loopsFrom! - 1)
    expect(round.filter(({ op }) => op === 'insert').length).toBeGreaterThan(0)
    expect(round.filter(({ op }) => op === 'zap-mapping').length).toBeGreaterThan(0)
  })
})

test('what does not fit in memory is unknown', () => {
  const program = new Model(vmaList, slot({ devices: 2, faults: 2, resets: 2 })).program()
  expect(verdictOf(program, { memoryMax: 300_000 })).toMatchObject({ verdict: 'unknown' })
})
