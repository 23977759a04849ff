import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { vmaList } from '@vfiokit/locking-strategies'
import { VARIANTS } from '@vfiokit/locking-strategies/variants'
import { describe, expect, test } from 'vitest'
import { ConfigError } from '../config-error.ts'
import { runScenario } from './run-scenario.ts'
import { sampleEngine } from './sample-engine.ts'
import { parseScenario, readScenarioFile, type Scenario } from './scenario-file.ts'
import type { ScenarioDocument } from './scenario-schema.ts'

const FILE = fileURLToPath(new URL('../../../../examples/researcher/slot-fork.yaml', import.meta.url))
const scenario = readScenarioFile(FILE)

/** One task after the other, so that nothing is in between. */
function doing(steps: ScenarioDocument['tasks'][number]['do']): Scenario {
  const [first] = scenario.document.tasks
  return { ...scenario, document: { ...scenario.document, tasks: [{ ...first!, do: steps }] } }
}

describe('a scenario that forks', () => {
  const load = (mapping: string) => ({ load: { mapping, offset: 0, width: 4 } }) as const

  test('gives the child the mappings and pages that its parent has', async () => {
    const [result] = await runScenario(doing([load('bar0'), { fork: { into: 'child' } }]), {
      strategies: ['unmap-range'],
    })
    expect(result!.mappings).toMatchObject([
      { name: 'bar0', faults: 1, presentPages: 1 },
      { name: 'copy', faults: 0, presentPages: 1, backing: 'bar' },
    ])
  })

  test('gives it an empty mapping where the strategy wants to track it first', async () => {
    const [result] = await runScenario(doing([load('bar0'), { fork: { into: 'child' } }]), {
      strategies: [vmaList],
    })
    expect(result!.mappings).toMatchObject([{ presentPages: 1 }, { name: 'copy', presentPages: 0 }])
  })

  test('lets the child close and reset what its parent has opened', async () => {
    const { document } = doing([{ fork: { into: 'child' } }])
    const child = {
      name: 'child',
      process: 'child',
      do: [{ reset: { device: 'd0' } }, { close: { device: 'd0' } }],
    }
    const forked = { ...scenario, document: { ...document, tasks: [...document.tasks, child], seed: 3 } }
    const [result] = await runScenario(forked, { strategies: ['unmap-range'] })
    expect(result!.failures).toEqual([])
  })

  test('cannot fork into the same process twice', async () => {
    const twice = doing([{ fork: { into: 'child' } }, { fork: { into: 'child' } }])
    const [result] = await runScenario(twice, { strategies: ['unmap-range'] })
    expect(result!.failures.join()).toContain('process child has mappings already')
  })

  test('shows the bug of a strategy whose child keeps its pages', async () => {
    const { strategy } = VARIANTS.find((each) => each.strategy.name === 'vma-list-fork-keeps-pages')!
    const sampling = sampleEngine(scenario, strategy, { runs: 2000 })
    let next = await sampling.next()
    while (!next.done) next = await sampling.next()
    expect(next.value.finding).toMatchObject({ property: 'I1' })
  })
})

describe('what a file says of forks is looked up', () => {
  const text = readFileSync(FILE, 'utf8')
  const defects = (from: string, to: string): string[] => {
    try {
      parseScenario(text.replace(from, to), 'fork.yaml')
      return []
    } catch (error) {
      if (!(error instanceof ConfigError)) throw error
      return error.diagnostics.map(({ code, line }) => `${line} ${code}`)
    }
  }

  test.each([
    ['a copy of nothing', 'copyOf: bar0', 'copyOf: bar7', ['9 unknown-mapping', '12 fork-into-used']],
    ['a copy in the same process', 'process: child, device', 'process: vm0, device', ['9 no-copy']],
    ['a copy of another place', '0x1000, copyOf', '0x2000, copyOf', ['9 no-copy']],
    ['a process that there is not', 'into: child', 'into: nobody', ['12 unknown-process']],
    ['itself', 'into: child', 'into: vm0', ['12 fork-into-itself', '12 fork-into-used']],
    ['a process with a mapping of its own', ', copyOf: bar0', '', ['12 fork-into-used']],
  ])('%s', (_what, from, to, found) => {
    expect(defects('', '')).toEqual([])
    expect(defects(from, to)).toEqual(found)
  })
})
