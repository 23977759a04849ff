/** What a recording has of a migration: steps, the stream both ways, sizes, ends of data, and the DMA log. */
import {
  firstDifference,
  PluginRecorder,
  parseRecording,
  type RecordedCall,
  type Recording,
  recordingText,
  runScenario,
  type StepDocument,
} from '@vfiokit/host'
import { definePlugin, type MigrationSource, type Plugin, type VariantMigration } from '@vfiokit/plugin'
import { migrationSample } from '@vfiokit/region-migration-sample'
import { expect, test } from 'vitest'
import { cardScenario } from '../fixtures/cards.ts'

const [SOURCE, TARGET] = ['0000:00:01.0', '0000:00:02.0']
const MEMORY = { iova: 0x1000, length: 0x2000 }

const STEPS: readonly StepDocument[] = [
  { 'mig-data-size': { device: 'source' } },
  { 'mig-device-state': { device: 'source', state: 'PRE_COPY', dataFd: 'out' } },
  { 'mig-precopy-info': { dataFd: 'out' } },
  { 'mig-data-read': { dataFd: 'out', into: 'wire' } },
  { 'mig-device-state': { device: 'source', state: 'STOP_COPY' } },
  { 'mig-data-read': { dataFd: 'out', into: 'wire', length: 100 } },
  { 'mig-device-state': { device: 'target', state: 'RESUMING', dataFd: 'in' } },
  { 'mig-data-write': { dataFd: 'in', from: 'wire' } },
  { reset: { device: 'target' } },
  { 'dma-map': { device: 'source', ...MEMORY } },
  { 'dma-logging-start': { device: 'source', ranges: [MEMORY] } },
  { 'dma-write': { device: 'source', iova: 0x2000, data: '01' } },
  { 'dma-logging-report': { device: 'source', ...MEMORY } },
  { 'dma-logging-stop': { device: 'source' } },
]

async function record(plugin: Plugin): Promise<Recording> {
  const scenario = cardScenario([STEPS])
  const recorder = new PluginRecorder()
  const host = { ...scenario.host, plugins: [plugin] }
  const [result] = await runScenario({ ...scenario, host }, { recorder })
  expect(result).toMatchObject({ failures: [], pluginFailures: [] })
  const recording = recorder.recording('s.yaml')
  // What is compared has been in a file.
  return parseRecording(recordingText(recording), 'r.jsonl')
}

const sample = definePlugin({ name: 'sample', api: 1, variantDrivers: [migrationSample] })

/** The sample, with another way to migrate. */
function sampleWith(change: (migration: VariantMigration) => Partial<VariantMigration>): Plugin {
  const driver: typeof migrationSample = {
    ...migrationSample,
    open(host) {
      const { migration, ...rest } = migrationSample.open(host)
      const own: VariantMigration = {
        p2p: true,
        preCopy: true,
        step: (from, to) => migration!.step(from, to),
        dataSizeBytes: () => migration!.dataSizeBytes(),
        discard: () => migration!.discard!(),
        ...change(migration!),
      }
      return { ...rest, migration: own }
    },
  }
  return definePlugin({ name: 'sample', api: 1, variantDrivers: [driver] })
}

const shortly = ({ device, at, member, arguments: given, answer }: RecordedCall) =>
  [device === SOURCE ? 'source' : 'target', at, member, JSON.stringify([given, answer])].join(' ')

test('it has every hook, with bytes as they were read and written', async () => {
  const [run] = (await record(sample)).runs
  const calls = run!.calls.filter(({ member }) => !['matches', 'open'].includes(member))
  const range = { iova: { bigint: '0x1000' }, length: { bigint: '0x2000' } }
  const asked = (device: string, at: string, member: string, given: readonly unknown[], answer: unknown) =>
    [device, at, member, JSON.stringify([given, answer])].join(' ')
  const all = calls.filter(({ member }) => !['read', 'write', 'step'].includes(member)).map(shortly)
  expect(all).toEqual([
    asked('source', 'open.migration', 'dataSizeBytes', [], 272),
    asked('source', 'open.migration.step', 'preCopy', [], { initialBytes: 264, dirtyBytes: 0 }),
    asked('target', 'open.migration', 'discard', [], null),
    asked('source', 'open.dmaLog', 'start', [[range], { bigint: '0x1000' }], null),
    asked('source', 'open.dmaLog', 'report', [range], [{ bigint: '0x2000' }]),
    asked('source', 'open.dmaLog', 'stop', [], null),
  ])
  const steps = calls.filter(({ member }) => member === 'step')
  expect(steps.map(({ device, arguments: given }) => [device, ...given].join(' '))).toEqual([
    `${SOURCE} RUNNING PRE_COPY`,
    `${SOURCE} PRE_COPY PRE_COPY_P2P`,
    `${SOURCE} PRE_COPY_P2P STOP_COPY`,
    `${TARGET} RUNNING RUNNING_P2P`,
    `${TARGET} RUNNING_P2P STOP`,
    `${TARGET} STOP RESUMING`,
  ])
  const reads = calls.filter(({ member }) => member === 'read')
  expect(reads.map(({ answer }) => answer)).toEqual([264, 'ENOMSG', 8])
  const [first, , last] = reads.map(({ filled }) => (filled?.['0'] as { hex: string })?.hex)
  const [write] = calls.filter(({ member }) => member === 'write')
  expect(write!.arguments).toEqual([{ hex: first!.slice(0, 2 * 264) + last!.slice(0, 2 * 8) }])
})

type Change = (migration: VariantMigration) => Partial<VariantMigration>

const CHANGES: readonly (readonly [what: string, member: string, change: Change])[] = [
  ['another size', 'dataSizeBytes', () => ({ dataSizeBytes: () => 273 })],
  [
    'a step that is refused',
    'step',
    (migration) => ({
      step: (from, to) => (to === 'RESUMING' ? 'EBUSY' : migration.step(from, to)),
    }),
  ],
  [
    'a byte of the stream',
    'read',
    (migration) => ({
      step(from, to) {
        const data = migration.step(from, to)
        if (to === 'PRE_COPY') flipFirstByte(data as MigrationSource)
        return data
      },
    }),
  ],
]

/** A stream in place, so that everything else about it is the same. */
function flipFirstByte(source: MigrationSource): void {
  const read = source.read.bind(source)
  Object.defineProperty(source, 'read', {
    enumerable: false,
    value: (out: Uint8Array) => {
      const count = read(out)
      if (typeof count === 'number' && count > 200) out[100]! ^= 1
      return count
    },
  })
}

test('the same plugin does the same', async () => {
  const same = () => sampleWith(() => ({}))
  expect(firstDifference(await record(same()), await record(same()))).toBeUndefined()
})

test.each(CHANGES)('%s is the first difference', async (_what, member, change) => {
  const before = await record(sampleWith(() => ({})))
  const difference = firstDifference(before, await record(sampleWith(change)))
  expect(difference).toMatchObject({ expected: { member }, found: { member } })
})
