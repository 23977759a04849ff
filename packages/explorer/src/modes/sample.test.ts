import { rfc2021, unmapRange, vmaList } from '@vfiokit/locking-strategies'
import { naive, zapBeforeLock } from '@vfiokit/locking-strategies/canaries'
import { describe, expect, test } from 'vitest'
import { slot } from '../fixtures/slot.ts'
import { restCheck } from '../model/at-rest.ts'
import { Model } from '../model/model.ts'
import type { Verdict } from '../report/verdict.ts'
import { runToEnd } from './run-to-end.ts'
import { type SampleOptions, type Sampler, sample } from './sample.ts'

const SAMPLERS: readonly Sampler[] = ['walk', 'pct', 'mixed']

function verdictOf(model: Model, options: SampleOptions): Verdict {
  const program = model.program()
  return runToEnd(sample(program, { ...options, atRest: restCheck(model, program) }))
}

describe.each(SAMPLERS)('%s', (sampler) => {
  test.each(['any-free-moment', 'queue-fair'] as const)('finds both canaries, %s', (semantics) => {
    const size = slot({ devices: 2, faults: 2, resets: 1 })
    const options = { sampler, semantics, runs: 50_000, seed: 3 }
    expect(verdictOf(new Model(zapBeforeLock, size), options)).toMatchObject({
      verdict: 'violation',
      property: 'I1',
    })
    const stuck = verdictOf(new Model(naive, size), options)
    expect(stuck).toMatchObject({ verdict: 'deadlock', mode: 'sample' })
    expect(stuck.counterexample!.blocked.length).toBeGreaterThan(1)
  })

  test.each([unmapRange, rfc2021, vmaList])(
    'finds nothing in $name, and never says exhaustive',
    (strategy) => {
      const result = verdictOf(new Model(strategy, slot({ devices: 2, faults: 2, resets: 2 })), {
        sampler,
        runs: 3000,
      })
      expect(result).toMatchObject({
        verdict: 'ok',
        mode: 'sample',
        bound: `3000 runs of ${sampler}, seed 1`,
      })
    },
  )
})

test('equal seeds give equal runs', () => {
  const verdicts = [1, 2].map(() => {
    return verdictOf(new Model(zapBeforeLock, slot({ devices: 2, faults: 2, resets: 1 })), { seed: 7 })
  })
  expect({ ...verdicts[0], cpuSeconds: 0 }).toEqual({ ...verdicts[1], cpuSeconds: 0 })
})
