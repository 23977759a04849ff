/** Steps about migration, on two cards of migration-sample: 256 bytes of state, 272 of stream. */
import {
  parseScenario,
  RunningScenario,
  runScenario,
  type ScenarioDocument,
  type ScenarioResult,
  type StepDocument,
} from '@vfiokit/host'
import { runLive } from '@vfiokit/locking'
import type { Plugin } from '@vfiokit/plugin'
import { describe, expect, test } from 'vitest'
import { cardScenario } from '../fixtures/cards.ts'
import { defectsOf } from '../fixtures/folder.ts'
import { MIGRATION_STEPS } from './migration-step-schema.ts'

const KINDS = ['done', 'answer', 'errno', 'signal', 'failed']

async function run(
  steps: readonly StepDocument[],
  rest: Partial<ScenarioDocument> = {},
): Promise<ScenarioResult> {
  return (await runScenario(cardScenario([steps], rest)))[0]!
}

/** What the steps came to, in their order. */
async function told(steps: readonly StepDocument[], rest: Partial<ScenarioDocument> = {}): Promise<string[]> {
  const { timeline, failures } = await run(steps, rest)
  expect(failures).toEqual([])
  return timeline
    .filter(({ kind }) => KINDS.includes(kind))
    .map(({ kind, text }) => `${kind} ${text.replaceAll('mig-', '')}`)
}

const register = (device: string, data: string): StepDocument => ({
  write: { device, region: 0, offset: 0, data },
})
const out = (state: 'STOP_COPY' | 'PRE_COPY'): StepDocument => ({
  'mig-device-state': { device: 'source', state, dataFd: 'out' },
})
const goTo = (device: string, state: 'RUNNING' | 'STOP_COPY' | 'STOP'): StepDocument => ({
  'mig-device-state': { device, state },
})
const into: StepDocument = { 'mig-device-state': { device: 'target', state: 'RESUMING', dataFd: 'in' } }
const read = (length?: number): StepDocument => ({ 'mig-data-read': { dataFd: 'out', length, into: 'wire' } })
const write = (length?: number): StepDocument => ({
  'mig-data-write': { dataFd: 'in', from: 'wire', length },
})
const precopyInfo: StepDocument = { 'mig-precopy-info': { dataFd: 'out' } }
const seen: StepDocument = { 'mig-device-state': { device: 'source' } }

describe('each step does what its name says:', () => {
  const cases: Readonly<Record<string, readonly [readonly StepDocument[], readonly unknown[]]>> = {
    'mig-device-state': [
      [seen, out('STOP_COPY'), seen, goTo('source', 'STOP'), goTo('source', 'STOP_COPY'), out('STOP_COPY')],
      [
        'answer device-state source: RUNNING',
        'answer device-state source STOP_COPY: data_fd is out',
        'answer device-state source: STOP_COPY',
        'done device-state source STOP',
        'answer device-state source STOP_COPY: data_fd has no name, and is closed',
        'answer device-state source STOP_COPY: no data begins',
      ],
    ],
    'mig-data-size': [[{ 'mig-data-size': { device: 'source' } }], ['answer data-size source: 272 bytes']],
    'mig-precopy-info': [
      [out('PRE_COPY'), precopyInfo, goTo('source', 'STOP_COPY'), precopyInfo],
      [
        'answer device-state source PRE_COPY: data_fd is out',
        'answer precopy-info out: initial_bytes 264, dirty_bytes 0',
        'done device-state source STOP_COPY',
        'errno precopy-info out: EINVAL plugin-refused: migration data of 0000:00:01.0',
      ],
    ],
    'mig-data-read': [
      [out('PRE_COPY'), { ...read(100), repeat: 4 }, read(), goTo('source', 'STOP_COPY'), read(), read(1)],
      [
        'answer device-state source PRE_COPY: data_fd is out',
        'answer data-read out into wire: 100 bytes',
        'answer data-read out into wire: 100 bytes',
        'answer data-read out into wire: 64 of 100 bytes',
        'errno data-read out into wire: ENOMSG plugin-refused: migration data of 0000:00:01.0',
        'errno data-read out into wire: ENOMSG plugin-refused: migration data of 0000:00:01.0',
        'done device-state source STOP_COPY',
        'answer data-read out into wire: 8 bytes in 1 read, then the end',
        'answer data-read out into wire: the end',
      ],
    ],
    'mig-data-write': [
      [out('STOP_COPY'), into, read(), write(10), write(), write(), goTo('target', 'RUNNING')],
      [
        'answer device-state source STOP_COPY: data_fd is out',
        'answer device-state target RESUMING: data_fd is in',
        'answer data-read out into wire: 272 bytes in 1 read, then the end',
        'answer data-write in from wire: 10 bytes',
        'answer data-write in from wire: 262 bytes',
        'answer data-write in from wire: 0 bytes',
        'done device-state target RUNNING',
      ],
    ],
    'mig-data-close': [
      [out('STOP_COPY'), { 'mig-data-close': { dataFd: 'out' }, repeat: 2 }],
      [
        'answer device-state source STOP_COPY: data_fd is out',
        'done data-close out',
        'errno data-close out: EBADF bad-fd: vm0 does not have out open',
      ],
    ],
    'dma-map': [
      [{ 'dma-map': { device: 'source', iova: 0x1000, length: 0x2000 }, repeat: 2 }],
      [
        'done dma-map source 0x1000 + 8192',
        expect.stringMatching(/^errno dma-map source 0x1000 \+ 8192: EEXIST /),
      ],
    ],
    'dma-write': [
      [
        { 'dma-map': { device: 'source', iova: 0x1000, length: 0x1000 } },
        { 'dma-write': { device: 'source', iova: 0x1fff, data: '01' } },
        { 'dma-write': { device: 'source', iova: 0x1fff, data: '0102' } },
        { 'dma-write': { device: 'target', iova: 0x1000, data: '01' } },
      ],
      [
        'done dma-map source 0x1000 + 4096',
        'answer dma-write source 0x1fff: 1 byte',
        'answer dma-write source 0x1fff: IOMMU fault',
        'answer dma-write target 0x1000: IOMMU fault',
      ],
    ],
    ...loggingCases(),
  }

  test('none is missing here', () => {
    expect(Object.keys(cases).sort()).toEqual(Object.keys(MIGRATION_STEPS).sort())
  })

  test.each(Object.entries(cases))('%s', async (_name, [steps, expected]) => {
    expect(await told(steps)).toEqual(expected)
  })
})

/** Ten pages, of which the card writes all but the first. */
function loggingCases() {
  const all = { iova: 2n ** 40n, length: 0xa000 }
  const start: StepDocument = { 'dma-logging-start': { device: 'source', ranges: [all] } }
  const report: StepDocument = { 'dma-logging-report': { device: 'source', ...all } }
  const stop: StepDocument = { 'dma-logging-stop': { device: 'source' } }
  const map: StepDocument = { 'dma-map': { device: 'source', ...all } }
  const touch = (page: bigint): StepDocument => ({
    'dma-write': { device: 'source', iova: all.iova + page * 4096n, data: '01' },
  })
  const nine = [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 9n].map(touch)
  const on = 'source 0x10000000000 + 40960'
  const ended = [`done dma-map ${on}`, `done dma-logging-start ${on}`]
  const shown = [1, 2, 3, 4, 5, 6, 7, 8].map((page) => `0x1000000${page}000`).join(', ')
  return {
    'dma-logging-start': [
      [start, start],
      [ended[1]!, `errno dma-logging-start ${on}: EINVAL plugin-refused: DMA log start by migration-sample`],
    ],
    'dma-logging-report': [
      [
        map,
        start,
        ...nine,
        report,
        report,
        { 'dma-logging-report': { device: 'source', iova: 0, length: 4096, pageSize: 0 } },
      ],
      [
        ...ended,
        ...Array.from({ length: 9 }, (_, at) => `answer dma-write source 0x1000000${at + 1}000: 1 byte`),
        `answer dma-logging-report ${on}: 9 pages: ${shown} and 1 more`,
        `answer dma-logging-report ${on}: no page`,
        expect.stringMatching(/^errno dma-logging-report source 0x0 \+ 4096: EINVAL /),
      ],
    ],
    'dma-logging-stop': [
      [map, start, stop, touch(1n), report],
      [
        ...ended,
        'done dma-logging-stop source',
        'answer dma-write source 0x10000001000: 1 byte',
        `answer dma-logging-report ${on}: no page`,
      ],
    ],
  } satisfies Record<string, readonly [readonly StepDocument[], readonly unknown[]]>
}

describe('a migration', () => {
  test('brings the state of one card to another', async () => {
    const steps = [out('STOP_COPY'), into, read(), write(), goTo('target', 'RUNNING')]
    const scenario = cardScenario([[register('source', '2a00002b'), ...steps]])
    const running = await RunningScenario.start(scenario, scenario.host.plugins as readonly Plugin[])
    expect(running.run().failures).toEqual([])
    const bytes = new Uint8Array(4)
    await runLive(running.stage.latest('vm0', 'target').read(0, 0, bytes))
    expect([...bytes]).toEqual([0x2a, 0, 0, 0x2b])
  })

  test('tells what was read before an errno, and keeps it', async () => {
    expect(await told([out('PRE_COPY'), into, read(), write()])).toEqual([
      'answer device-state source PRE_COPY: data_fd is out',
      'answer device-state target RESUMING: data_fd is in',
      'errno data-read out into wire: ENOMSG plugin-refused: after 264 bytes in 1 read',
      'answer data-write in from wire: 264 bytes',
    ])
  })

  test('is refused when a byte is missing, and its bytes stay when a write is refused', async () => {
    const lost = await told([out('STOP_COPY'), into, read(), write(271), goTo('target', 'RUNNING'), seen])
    expect(lost.slice(-2)).toEqual([
      'errno device-state target RUNNING: EINVAL plugin-refused: a migration step',
      'answer device-state source: STOP_COPY',
    ])
    const ended = await told([
      out('STOP_COPY'),
      into,
      read(),
      { reset: { device: 'target' } },
      write(),
      write(),
    ])
    expect(ended.slice(-2)).toEqual(
      Array.from(
        { length: 2 },
        () => 'errno data-write in from wire: ENODEV no-device: migration data of 0000:00:02.0 is over',
      ),
    )
  })

  test('goes on in a process that was forked, and in none that was not', async () => {
    const child = { name: 'child', process: 'vm1', do: [read()] }
    const { document } = cardScenario([[out('STOP_COPY'), { fork: { into: 'vm1' } }]])
    const tasks = [...document.tasks, child]
    const [result] = await runScenario({ ...cardScenario([]), document: { ...document, tasks } }, { seed: 2 })
    expect(result!.failures).toEqual([])
    expect(result!.timeline.find(({ task }) => task === 'child')!.text).toMatch(
      /mig-data-read out into wire: /,
    )
  })

  test('by given bytes, of one device to itself', async () => {
    const steps: StepDocument[] = [into, { 'mig-data-write': { dataFd: 'in', data: 'ffffffff' } }]
    expect((await told([...steps, goTo('target', 'STOP')])).at(-1)).toMatch(/EINVAL/)
  })
})

const HEAD = `vfiokit: scenario/1
host: host.yaml
processes: [vm0, vm1]
devices: { card: '0000:00:01.0' }
tasks:
  - name: one
    process: vm0
    do: [ `
const STATE = 'mig-device-state: { device: card, state: STOP_COPY, dataFd: out }'

describe('what is written wrong is told at its place:', () => {
  const cases: Readonly<Record<string, readonly [steps: string, message: string]>> = {
    'a state that there is not': ['{ mig-device-state: { device: card, state: §STOPCOPY } }', "'STOP_COPY'"],
    'a name for data in a state without any': [
      '{ mig-device-state: { device: card, state: STOP, dataFd: §out } }',
      'no data begins there (expected state: STOP_COPY, RESUMING, PRE_COPY, PRE_COPY_P2P, found STOP) [no-data]',
    ],
    'a name that nothing opens': [
      `{ ${STATE} }, { mig-data-read: { dataFd: §uot, into: wire } }`,
      'no step opens data under this name (expected out, found uot) [unknown-data-fd]',
    ],
    'a name, and nothing is opened at all': [
      '{ mig-precopy-info: { dataFd: §out } }',
      'no step opens data under this name (expected the dataFd of a mig-device-state, found out) [unknown-data-fd]',
    ],
    'a name that is opened later': [
      `{ mig-data-read: { dataFd: §out, into: wire } }, { ${STATE} }`,
      'nothing is open under this name when the step begins (expected the dataFd of a mig-device-state before it, found out) [no-data-fd-yet]',
    ],
    'a name that was closed': [
      `{ ${STATE} }, { mig-data-close: { dataFd: out } }, { mig-data-read: { dataFd: §out, into: wire } }`,
      '[no-data-fd-yet]',
    ],
    'a name of another process': [
      `{ ${STATE} } ]\n  - name: two\n    process: vm1\n    do: [ { mig-data-read: { dataFd: §out, into: wire } }`,
      'out is open in another process (expected data of vm1, found data of vm0) [foreign-data-fd]',
    ],
    'bytes that nothing reads': [
      `{ ${STATE} }, { mig-data-write: { dataFd: out, from: §wire } }`,
      'no step reads bytes under this name (expected the into of a mig-data-read, found wire) [unknown-bytes]',
    ],
    'a device that there is not': [
      '{ mig-device-state: { device: §crad } }',
      'there is no device of this name (expected card, found crad) [unknown-device]',
    ],
    'bytes twice': [`{ ${STATE} }, { mig-data-write: §{ dataFd: out } }`, 'either from or data'],
    'an address of more than 64 bits': [
      '{ dma-write: { device: card, iova: §0x10000000000000000, data: "00" } }',
      'a whole number of 64 bits',
    ],
  }

  test.each(Object.entries(cases))('%s', async (_what, [steps, message]) => {
    const marked = `${HEAD}${steps} ]\n`
    const before = marked.slice(0, marked.indexOf('§')).split('\n')
    const [line, ...others] = await defectsOf(() => parseScenario(marked.replace('§', ''), 's.yaml'))
    expect(others).toEqual([])
    expect(line).toContain(`s.yaml:${before.length}:${before.at(-1)!.length + 1}: error: `)
    expect(line).toContain(message)
  })
})
