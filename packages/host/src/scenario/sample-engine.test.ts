import { fileURLToPath } from 'node:url'
import { STRATEGIES } from '@vfiokit/locking-strategies'
import { naive, zapBeforeLock } from '@vfiokit/locking-strategies/canaries'
import { VARIANTS } from '@vfiokit/locking-strategies/variants'
import { describe, expect, test } from 'vitest'
import { type EngineSampleOptions, replayEngine, sampleEngine } from './sample-engine.ts'
import { readScenarioFile } from './scenario-file.ts'
import { switchesOf } from './shortened.ts'

const example = (name: string) =>
  readScenarioFile(fileURLToPath(new URL(`../../../../examples/researcher/${name}.yaml`, import.meta.url)))
const SLOT = example('slot')
type Strategy = Parameters<typeof sampleEngine>[1]

async function sampled(strategy: Strategy, options: EngineSampleOptions = {}, scenario = SLOT) {
  const sampling = sampleEngine(scenario, strategy, options)
  for (;;) {
    const next = await sampling.next()
    if (next.done) return next.value
  }
}

describe.each([false, true])('the whole engine, locks fair: %s', (fair) => {
  test.each(STRATEGIES)('keeps every invariant under $name in 200 runs', async (strategy) => {
    const { runs, steps, finding } = await sampled(strategy, { fair })
    expect(finding).toBeUndefined()
    expect(runs).toBe(200)
    expect(steps).toBeGreaterThan(200 * 50)
  })

  test.each(['walk', 'pct', 'mixed'] as const)(
    'is caught by %s with a page mapped while memory is off',
    async (sampler) => {
      const { finding } = await sampled(zapBeforeLock, { fair, sampler, runs: 2000 })
      expect(finding).toMatchObject({ verdict: 'violation', property: 'I1' })
    },
  )

  test.each(['walk', 'pct', 'mixed'] as const)('is caught by %s in a deadlock', async (sampler) => {
    const { finding } = await sampled(naive, { fair, sampler })
    expect(finding).toMatchObject({ verdict: 'deadlock' })
    expect(finding!.message).toContain('waits for mmap_lock')
  })
})

describe('what is found', () => {
  test('comes again from its schedule, and is gone under another strategy', async () => {
    const { finding } = await sampled(zapBeforeLock, { runs: 2000 })
    expect(await replayEngine(SLOT, zapBeforeLock, finding!.schedule)).toMatchObject({ property: 'I1' })
    expect(await replayEngine(SLOT, STRATEGIES[0]!, finding!.schedule)).toBeUndefined()
  })

  test('has few switches, and a line for each step', async () => {
    const { finding } = await sampled(zapBeforeLock, { runs: 2000 })
    expect(switchesOf(finding!.schedule)).toBeLessThanOrEqual(3)
    const turns = finding!.steps.filter(({ result }) => result !== 'granted')
    expect(turns.length).toBeGreaterThanOrEqual(finding!.schedule.length - 1)
    expect(finding!.steps.at(-1)!.task).toBe(finding!.schedule.at(-1))
  })

  test('is the same for the same seed', async () => {
    const [one, other] = [await sampled(naive, { seed: 5 }), await sampled(naive, { seed: 5 })]
    expect(one).toEqual(other)
  })

  test.each(['vma-list-no-guard', 'rfc-2021-no-guard', 'vma-list-drops-too-early', 'vma-list-one-cursor'])(
    'is the bug of %s',
    async (name) => {
      const { strategy, defect } = VARIANTS.find((each) => each.strategy.name === name)!
      const { finding } = await sampled(strategy, { runs: 3000 })
      expect(finding?.property).toBe(defect)
    },
  )
})

test('it stops between runs when it is asked to', async () => {
  let asked = 0
  const { runs, finding } = await sampled(STRATEGIES[0]!, { shouldStop: () => ++asked > 5 })
  expect([runs, finding]).toEqual([5, undefined])
})
