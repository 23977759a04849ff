/**
 * The demo shows what it promises under its own seed, and holds under others.
 *
 * A change anywhere in the engine may shift what a seed does. When that makes the first test fail, its
 * message names seeds that would do: write one of them into examples/demo/hot-reset.yaml, look at the
 * output (at most some 80 lines a strategy), and bring the figures in its comment up to date.
 */
import { firstViolation, readScenarioFile, runScenario, type ScenarioResult } from '@vfiokit/host'
import acme from '@vfiokit/region-acme-sample'
import { expect, test } from 'vitest'
import { DEMO_SCENARIO } from './fixtures/machine.ts'

const SHIPPED = ['unmap-range', 'rfc-2021', 'vma-list']
const CANARIES = ['zap-before-lock', 'naive']

const read = readScenarioFile(DEMO_SCENARIO)
// The plugin itself: what its name leads to may have been built from older sources.
const scenario = { ...read, host: { ...read.host, plugins: [acme] } }
const runs = (strategies: readonly string[], seed?: number) => runScenario(scenario, { strategies, seed })

/** What is missing for a run of a shipped strategy to show the main job. */
function missing({ strategy, verdict, counts, timeline, mappings }: ScenarioResult): string[] {
  const shown = {
    'verdict ok': verdict === 'ok',
    'a wait': counts.waits > 0,
    'an EBUSY': counts.ebusy > 0,
    'a SIGBUS': counts.sigbus > 0,
    'a zap': counts.zappedPages > 0,
    'a function reset': timeline.some(({ text }) => text.startsWith('function reset of')),
    'a hot reset': timeline.some(({ text }) => text.startsWith('hot reset of')),
    'a mapping that survives': mappings.some(({ survived, backing }) => survived && backing === 'memory'),
    'a timeline that can be read': timeline.length <= 110,
  }
  return Object.entries(shown).flatMap(([what, is]) => (is ? [] : [`${strategy}: ${what}`]))
}

/** What the demo promises and does not show under a seed. */
async function missingUnder(seed?: number): Promise<string[]> {
  const shipped = await runs(SHIPPED, seed)
  const [zapBeforeLock, naive] = await runs(CANARIES, seed)
  return [
    ...shipped.flatMap(missing),
    ...(zapBeforeLock!.verdict === 'violation' ? [] : ['zap-before-lock: violation']),
    ...(firstViolation(zapBeforeLock!)?.id === 'I1' ? [] : ['zap-before-lock: of I1']),
    ...(naive!.verdict === 'deadlock' ? [] : ['naive: deadlock']),
  ]
}

async function seedsThatWouldDo(): Promise<number[]> {
  const found: number[] = []
  for (let seed = 0; seed < 200 && found.length < 5; seed++)
    if ((await missingUnder(seed)).length === 0) found.push(seed)
  return found
}

test('everything that the demo promises is shown under its own seed', async () => {
  const lacking = await missingUnder()
  const hint = lacking.length === 0 ? '' : `a seed that would do: ${(await seedsThatWouldDo()).join(', ')}`
  expect(lacking, hint).toEqual([])
})

test('the scenario runs the three shipped strategies, and expects the canaries to be caught', () => {
  expect(scenario.document.strategies).toEqual(SHIPPED)
  expect(scenario.document.expect).toMatchObject({ 'zap-before-lock': 'violation', naive: 'deadlock' })
})

test('the shipped strategies are ok under 50 seeds', async () => {
  const verdicts: string[] = []
  for (let seed = 0; seed < 50; seed++)
    for (const { strategy, verdict, failures } of await runs(SHIPPED, seed))
      if (verdict !== 'ok' && verdict !== 'unchecked')
        verdicts.push(`seed ${seed} ${strategy}: ${verdict} ${failures}`)
  expect(verdicts).toEqual([])
})

test('each canary is caught by many of 50 seeds, and by nothing but its own mistake', async () => {
  const caught = { violation: 0, deadlock: 0 }
  for (let seed = 0; seed < 50; seed++) {
    const [zapBeforeLock, naive] = await runs(CANARIES, seed)
    expect(['ok', 'unchecked', 'violation']).toContain(zapBeforeLock!.verdict)
    expect(['ok', 'unchecked', 'deadlock']).toContain(naive!.verdict)
    if (zapBeforeLock!.verdict === 'violation') caught.violation++
    if (naive!.verdict === 'deadlock') caught.deadlock++
  }
  expect(caught.violation).toBeGreaterThan(20)
  expect(caught.deadlock).toBeGreaterThan(20)
})
