import {
  createHost,
  runOn,
  runScenario,
  type ScenarioDocument,
  type ScenarioResult,
  STEP_NAMES,
  type StepDocument,
} from '@vfiokit/host'
import { type AnyLockingStrategy, acquire, run as runBody } from '@vfiokit/locking'
import { unmapRange } from '@vfiokit/locking-strategies'
import { definePlugin } from '@vfiokit/plugin'
import { describe, expect, test } from 'vitest'
import { defectsOf } from '../fixtures/folder.ts'
import { DEVICES, HOST, mappingOf, scenarioOf } from '../fixtures/machine.ts'
import { MIGRATION_STEPS } from './migration-step-schema.ts'

/** What the first task's steps came to, in their order. */
const told = ({ timeline }: ScenarioResult, task = 'task0') =>
  timeline
    .filter(
      (event) => event.task === task && ['done', 'answer', 'errno', 'signal', 'failed'].includes(event.kind),
    )
    .map(({ kind, text }) => `${kind} ${text}`)
const run = async (
  steps: readonly StepDocument[],
  rest: Partial<ScenarioDocument> = {},
): Promise<ScenarioResult> => (await runScenario(scenarioOf([steps], rest)))[0]!

const load = (mapping: string, offset = 0): StepDocument => ({ load: { mapping, offset, width: 4 } })
const off: StepDocument = { 'set-memory': { device: 'nvme', on: false } }
const on: StepDocument = { 'set-memory': { device: 'nvme', on: true } }
const BUSY: readonly (readonly StepDocument[])[] = [
  [load('nvme'), load('nvme', 0x1000), load('nvme')],
  [{ read: { device: 'nvme', region: 0, offset: 0, length: 4 }, repeat: 3 }],
  [off, on],
  [{ reset: { device: 'nvme' } }],
  [{ 'hot-reset': { device: 'nvme', onBusy: 'retry' } }],
]

describe('each step does what its name says:', () => {
  const cases: Readonly<Record<string, readonly [steps: readonly StepDocument[], told: readonly unknown[]]>> =
    {
      load: [[load('nvme', 0x10)], ['done load nvme+0x10']],
      store: [
        [
          { store: { mapping: 'journal', offset: 8, width: 8, value: 2n ** 64n - 1n } },
          { store: { mapping: 'journal', offset: 0, width: 1, value: 255 } },
        ],
        ['done store journal+0x8', 'done store journal+0x0'],
      ],
      read: [
        [
          { read: { device: 'nvme', region: 7, offset: 0, length: 4 } },
          { read: { device: 'nvme', region: 7, offset: 0x3c, length: 1, show: true } },
          { read: { device: 'nvme', region: 12, offset: 0, length: 4 } },
        ],
        [
          'done read nvme region 7',
          'answer read nvme region 7: 0a',
          expect.stringMatching(/^errno read nvme region 12: EINVAL /),
        ],
      ],
      write: [
        [
          { write: { device: 'acme', region: 11, offset: 0, data: 'c0ffee' } },
          { write: { device: 'acme', region: 9, offset: 0, data: '00' } },
        ],
        ['done write acme region 11', expect.stringMatching(/^errno write acme region 9: EINVAL /)],
      ],
      'set-memory': [
        [off, load('nvme'), on, load('nvme')],
        [
          'done set-memory nvme off',
          'signal load nvme+0x0: SIGBUS: page 0 of nvme cannot be reached',
          'done set-memory nvme on',
          'done load nvme+0x0',
        ],
      ],
      power: [
        [
          { power: { device: 'nvme', state: 'D3hot' } },
          load('nvme'),
          { power: { device: 'nvme', state: 'D0' } },
          load('nvme'),
        ],
        [
          'done power nvme D3hot',
          'signal load nvme+0x0: SIGBUS: page 0 of nvme cannot be reached',
          'done power nvme D0',
          expect.stringContaining('load nvme+0x0'),
        ],
      ],
      flr: [
        [load('nvme'), { flr: { device: 'nvme' } }],
        ['done load nvme+0x0', 'done flr nvme'],
      ],
      reset: [
        [{ reset: { device: 'nvme' } }, { reset: { device: 'acme' } }],
        ['done reset nvme', expect.stringMatching(/^errno reset acme: EINVAL /)],
      ],
      'hot-reset': [
        [
          { 'hot-reset': { device: 'nic', groups: ['nvme', 'nic', 'acme', 'test'] } },
          { 'hot-reset': { device: 'nic' } },
        ],
        ['done hot-reset nic', 'done hot-reset nic'],
      ],
      open: [
        [
          { open: { device: 'nvme' } },
          { close: { device: 'nvme' } },
          { close: { device: 'nvme' } },
          { close: { device: 'nvme' } },
        ],
        [
          'done open nvme',
          'done close nvme',
          'done close nvme',
          'errno close nvme: EBADF bad-fd: vm0 does not have nvme open',
        ],
      ],
      close: [
        [
          { close: { device: 'nvme' } },
          load('nvme'),
          { reset: { device: 'nvme' } },
          { open: { device: 'nvme' } },
          { reset: { device: 'nvme' } },
        ],
        [
          'done close nvme',
          'done load nvme+0x0',
          'errno reset nvme: EBADF bad-fd: vm0 does not have nvme open',
          'done open nvme',
          'done reset nvme',
        ],
      ],
      mmap: [
        [load('later'), { mmap: { mapping: 'later' } }, load('later')],
        [
          'signal load later+0x0: SIGSEGV: later was not mapped yet',
          'done mmap later',
          'done load later+0x0',
        ],
      ],
      munmap: [
        [
          { munmap: { mapping: 'nvme' } },
          load('nvme'),
          { munmap: { mapping: 'nvme' } },
          { mmap: { mapping: 'nvme' } },
          load('nvme'),
        ],
        [
          'done munmap nvme',
          expect.stringMatching(/^signal load nvme\+0x0: SIGSEGV: nothing is mapped at 0x/),
          'done munmap nvme',
          'done mmap nvme',
          'done load nvme+0x0',
        ],
      ],
      fork: [
        [load('nvme'), { fork: { into: 'child' } }],
        ['done load nvme+0x0', 'done fork into child'],
      ],
    }

  test('none is missing here, or beside it', () => {
    const elsewhere = Object.keys(MIGRATION_STEPS)
    expect([...Object.keys(cases), ...elsewhere].sort()).toEqual([...STEP_NAMES].sort())
  })

  test.each(Object.entries(cases))('%s', async (_name, [steps, expected]) => {
    const mappings = {
      nvme: mappingOf('nvme', 0, { length: 0x2000 }),
      journal: mappingOf('acme', 11, { length: 0x2000 }),
      later: mappingOf('acme', 0, { later: true }),
    }
    const result = await run(steps, { mappings, processes: ['vm0', 'child'] })
    expect(told(result)).toEqual(expected)
    expect(result.failures).toEqual([])
    expect(['ok', 'unchecked']).toContain(result.verdict)
  })
})

describe('a run', () => {
  test('repeats steps, and a task as often as it says', async () => {
    const scenario = scenarioOf([], {
      tasks: [{ name: 'cpu', process: 'vm0', count: 3, do: [{ ...load('nvme'), repeat: 4 }] }],
    })
    const [result] = await runScenario(scenario)
    for (const task of ['cpu.1', 'cpu.2', 'cpu.3']) expect(told(result!, task)).toHaveLength(4)
    expect(told(result!, 'cpu')).toEqual([])
  })

  test('asks again while EBUSY when it is told to, and only then', async () => {
    const reader = [{ read: { device: 'nvme', region: 0, offset: 0, length: 4 }, repeat: 20 }]
    const outcomes = async (onBusy: 'give-up' | 'retry') => {
      const results = await Promise.all(
        Array.from({ length: 20 }, (_, seed) =>
          runScenario(scenarioOf([[{ 'hot-reset': { device: 'nvme', onBusy } }], reader]), { seed }),
        ),
      )
      return results.map(([result]) => ({ told: told(result!), ebusy: result!.counts.ebusy }))
    }
    const gaveUp = await outcomes('give-up')
    expect(gaveUp.every((each) => each.told.length === 1)).toBe(true)
    expect(gaveUp.some(({ ebusy }) => ebusy === 1)).toBe(true)
    const retried = await outcomes('retry')
    expect(retried.some(({ ebusy }) => ebusy > 0)).toBe(true)
    for (const each of retried) {
      expect(each.told).toHaveLength(each.ebusy + 1)
      expect(each.told.at(-1)).toBe('done hot-reset nvme, again while EBUSY')
    }
  })

  test('counts what its timeline tells', async () => {
    const [result] = await runScenario(scenarioOf(BUSY), { seed: 3 })
    const { counts, timeline, mappings } = result!
    const ofKind = (kind: string) => timeline.filter((event) => event.kind === kind)
    expect(ofKind('fault')).toHaveLength(counts.faults)
    expect(ofKind('wait')).toHaveLength(counts.waits)
    expect(ofKind('wait')).toHaveLength(ofKind('granted').length)
    expect(ofKind('errno').filter(({ text }) => text.includes('EBUSY'))).toHaveLength(counts.ebusy)
    expect(ofKind('signal')).toHaveLength(counts.sigbus)
    const sum = (key: 'faults' | 'zappedPages' | 'sigbus') =>
      mappings.reduce((total, mapping) => total + mapping[key], 0)
    expect([sum('faults'), sum('zappedPages'), sum('sigbus')]).toEqual([
      counts.faults,
      counts.zappedPages,
      counts.sigbus,
    ])
  })

  test('says of each wait who holds the lock, or who came before', async () => {
    const [result] = await runScenario(scenarioOf(BUSY), { seed: 3 })
    const waits = result!.timeline.filter(({ kind }) => kind === 'wait')
    expect(waits.length).toBeGreaterThan(0)
    for (const { text } of waits) expect(text).toMatch(/, (held by|behind) task\d( and task\d)*$/)
  })

  test('tells what survives a hot reset: memory does, BAR pages do not', async () => {
    const result = await run([load('nvme'), load('journal'), { 'hot-reset': { device: 'nvme' } }])
    expect(
      result.timeline.filter(({ kind }) => kind === 'zap' || kind === 'reset').map(({ text }) => text),
    ).toEqual(['zaps 1 page of nvme', 'hot reset of slot 1; still mapped: journal (1 page)'])
    expect(result.mappings).toMatchObject([
      { name: 'nvme', backing: 'bar', presentPages: 0, zappedPages: 1, survived: false },
      { name: 'journal', backing: 'memory', presentPages: 1, zappedPages: 0, survived: true },
    ])
  })

  test('tells pages that came back from pages that stayed', async () => {
    const { mappings } = await run([load('nvme'), { reset: { device: 'nvme' } }, load('nvme')])
    expect(mappings[0]).toMatchObject({ presentPages: 1, zappedPages: 1, faults: 2, survived: false })
  })

  test('shows the regions of plugins', async () => {
    const { regions } = await run([load('nvme')])
    expect(regions.map(({ index, backing, mappable }) => [index, backing, mappable])).toEqual([
      [9, 'none', false],
      [10, 'bar', true],
      [11, 'memory', true],
    ])
    expect(new Set(regions.map(({ device }) => device))).toEqual(new Set([DEVICES.acme]))
  })

  test('says of a mapping that is gone that nothing backs it', async () => {
    const { mappings } = await run([{ munmap: { mapping: 'nvme' } }])
    expect(mappings[0]).toMatchObject({ name: 'nvme', backing: 'none', presentPages: 0, survived: false })
  })

  test('gives the same bytes for a seed, and others for another', async () => {
    const bytes = async (seed: number) => JSON.stringify(await runScenario(scenarioOf(BUSY), { seed }))
    expect(await bytes(5)).toBe(await bytes(5))
    expect(await bytes(6)).not.toBe(await bytes(5))
  })

  test('takes its seed from the caller, else from the scenario, else 1', async () => {
    const seedOf = async (document: Partial<ScenarioDocument>, seed?: number) =>
      (await runScenario(scenarioOf([[load('nvme')]], document), { seed }))[0]!.seed
    expect([await seedOf({}), await seedOf({ seed: 9 }), await seedOf({ seed: 9 }, 0)]).toEqual([1, 9, 0])
  })

  test('has fair locks or unfair ones, and they run differently', async () => {
    const outcome = async (fair: boolean, seed: number) =>
      JSON.stringify((await runScenario(scenarioOf(BUSY, { locks: { fair } }), { seed }))[0]!.timeline)
    const seeds = [1, 2, 3, 4, 5]
    const fair = await Promise.all(seeds.map((seed) => outcome(true, seed)))
    const unfair = await Promise.all(seeds.map((seed) => outcome(false, seed)))
    expect(fair).not.toEqual(unfair)
  })

  test('runs under the strategies of the caller, else of the scenario, else of the host', async () => {
    const names = async (document: Partial<ScenarioDocument>, strategies?: (string | AnyLockingStrategy)[]) =>
      (await runScenario(scenarioOf([[load('nvme')]], document), { strategies })).map(
        ({ strategy }) => strategy,
      )
    expect(await names({})).toEqual(['unmap-range'])
    expect(await names({ strategies: ['vma-list', 'rfc-2021'] })).toEqual(['vma-list', 'rfc-2021'])
    const mine = { ...unmapRange, name: 'mine' }
    expect(
      await names({ strategies: ['vma-list'], expect: { mine: 'ok' } }, [mine, 'mine', 'naive']),
    ).toEqual(['mine', 'mine', 'naive'])
  })

  test('shows its host before anything runs', async () => {
    const seen: number[] = []
    await runScenario(scenarioOf([[load('nvme')]]), {
      onHost: ({ core, topology }) => void seen.push(core.processes.size, topology.functions.length),
    })
    expect(seen).toEqual([0, 15])
  })

  test('runs on a host that somebody made', async () => {
    const host = await createHost({ ...HOST, kernel: '5.10' })
    const result = runOn(host, scenarioOf([[load('nvme')]]).document, { seed: 2 })
    expect(result).toMatchObject({ strategy: 'vma-list', kernel: '5.10', seed: 2 })
  })

  test('goes on without the regions of a plugin that throws, and says so', async () => {
    const plugin = definePlugin({
      name: 'broken',
      api: 1,
      regionProviders: [
        {
          name: 'broken',
          matches: ({ bdf }) => bdf === DEVICES.nvme,
          open: () => {
            throw new Error('no firmware')
          },
        },
      ],
    })
    const { document } = scenarioOf(BUSY, { mappings: { nvme: mappingOf('nvme', 0, { length: 0x2000 }) } })
    const [result] = await runScenario({ document, host: { ...HOST, plugins: [plugin] } })
    expect(result!.pluginFailures).toEqual(['broken on 0000:01:00.0: open failed: no firmware'])
    expect(result!.regions).toEqual([])
    expect(result!.verdict).toBe('ok')
  })

  test('names the place of what cannot be, without a file', async () => {
    const mappings = { none: mappingOf('nvme', 9), far: mappingOf('nvme', 0, { offset: 0x100000 }) }
    expect(await defectsOf(() => run([{ reset: { device: 'nvme' } }], { mappings }))).toEqual([
      expect.stringMatching(/^error: mappings\.none: none cannot be mapped \(found EINVAL/),
      expect.stringMatching(/^error: mappings\.far: far cannot be mapped \(found EINVAL/),
    ])
    const strategies = ['nobody']
    expect(await defectsOf(() => runScenario(scenarioOf([[off]]), { strategies }))).toEqual([
      'error: there is no such strategy (expected unmap-range, vma-list, rfc-2021, shared-inode, layered, vma-list-device-set, ordered, set-rwsem, found nobody) [strategy-unknown]',
    ])
  })
})

describe('the verdict', () => {
  const verdictOf = async (document: Partial<ScenarioDocument>, options = {}) =>
    (await runScenario(scenarioOf(BUSY, document), options))[0]!

  test('is ok when every invariant was asked and holds', async () => {
    const { verdict, expected, invariants } = await verdictOf({})
    expect([verdict, expected]).toEqual(['ok', 'ok'])
    expect(invariants.map(({ id }) => id)).toEqual(['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8'])
    expect(invariants.every(({ checked, holds }) => checked > 0 && holds)).toBe(true)
  })

  test('is unchecked when one was never asked', async () => {
    const { verdict, invariants } = await run([load('nvme')])
    expect(verdict).toBe('unchecked')
    expect(invariants.filter(({ checked }) => checked === 0).map(({ id }) => id)).toContain('I6')
  })

  test.each([
    [['I3-I5'], ['I3', 'I4', 'I5']],
    [
      ['I5', 'I1'],
      ['I1', 'I5'],
    ],
    [['locks-left'], ['I7']],
    [['deadlock'], []],
    [undefined, ['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8']],
  ])('with check %j is about %j', async (check, ids) => {
    const { invariants, verdict } = await verdictOf({ check })
    expect(invariants.map(({ id }) => id)).toEqual(ids)
    expect(verdict).toBe('ok')
  })

  test('is what the scenario expects, or not', async () => {
    expect((await verdictOf({ expect: { 'unmap-range': 'deadlock' } })).expected).toBe('deadlock')
  })

  test('is violation when one broke, with the step, and deadlock when tasks wait for each other', async () => {
    const seeds = Array.from({ length: 100 }, (_, seed) => seed)
    const find = async (strategy: string, verdict: string) => {
      for (const seed of seeds) {
        const result = await verdictOf({}, { seed, strategies: [strategy] })
        if (result.verdict === verdict) return result
      }
      return undefined
    }
    const violation = await find('zap-before-lock', 'violation')
    const broken = violation!.invariants.find(({ holds }) => !holds)!
    expect(broken.id).toBe('I1')
    expect(broken.violation!.step).toBeGreaterThan(0)
    const deadlock = await find('naive', 'deadlock')
    expect(deadlock!.blocked.length).toBeGreaterThanOrEqual(2)
    expect(deadlock!.blocked.join('\n')).toMatch(/waits for mmap_lock:vm0 \(write\), holds memory_lock/)
  })

  test('is failed when a task ends with what is no answer, and the others go on', async () => {
    const plugin = definePlugin({
      name: 'odd',
      api: 1,
      lockingStrategies: [
        {
          ...unmapRange,
          name: 'odd',
          // biome-ignore lint/correctness/useYield: it fails before it gets that far
          *exclude() {
            throw new TypeError('not written yet')
          },
        },
      ],
    })
    const { document } = scenarioOf([[load('nvme')], [off]])
    const host = { ...HOST, plugins: [...HOST.plugins!, plugin], strategy: 'odd' }
    const [result] = await runScenario({ document, host })
    expect(result!.verdict).toBe('failed')
    expect(result!.failures).toEqual(['task1: TypeError: not written yet'])
    expect(told(result!)).toEqual(['done load nvme+0x0'])
  })

  test('is failed for an access across pages, which no processor makes', async () => {
    const result = await run([load('nvme', 0xffe)])
    expect(result.verdict).toBe('failed')
    expect(result.failures).toEqual([expect.stringContaining('crosses a page')])
  })

  test('is failed when the run is stopped', async () => {
    const result = await verdictOf({}, { stepsMax: 20 })
    expect(result.verdict).toBe('failed')
    expect(result.steps).toBe(20)
    expect(result.failures).toEqual(['stopped after 20 steps, before every task had ended'])
  })

  test('sees at the end what no task touched: memory that is off, and its page still there', async () => {
    const lazy: AnyLockingStrategy = {
      ...unmapRange,
      name: 'lazy',
      exclude: (device, _effect, body) => unmapRange.exclude(device, 'lock-only', body),
    }
    const scenario = scenarioOf([[load('nvme'), off]], { check: ['I5'] })
    const [result] = await runScenario(scenario, { strategies: [lazy] })
    expect(result!.invariants).toMatchObject([
      {
        id: 'I5',
        holds: false,
        violation: { task: 'probe of nvme', message: 'memory that is off can be touched' },
      },
    ])
  })

  test('sees a lock that somebody keeps', async () => {
    const keeper: AnyLockingStrategy = {
      ...unmapRange,
      name: 'keeper',
      *excludeSet(set, _members, body) {
        yield* acquire(set.state.mutex)
        return yield* runBody(body)
      },
    }
    const [result] = await runScenario(
      scenarioOf([[{ 'hot-reset': { device: 'nvme' } }]], { check: ['locks-left'] }),
      {
        strategies: [keeper],
      },
    )
    expect(result!.verdict).toBe('violation')
    expect(result!.invariants).toMatchObject([{ id: 'I7', holds: false }])
  })
})
