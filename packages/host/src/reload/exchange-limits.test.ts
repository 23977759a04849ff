/** What a running host cannot take, though new code is well in itself; and what becomes of the old. */
import { RunningScenario, type StepDocument } from '@vfiokit/host'
import { definePlugin, type Plugin, type Region } from '@vfiokit/plugin'
import { migrationSample } from '@vfiokit/region-migration-sample'
import { describe, expect, test } from 'vitest'
import { cardScenario } from '../fixtures/cards.ts'
import { HOST, scenarioOf } from '../fixtures/machine.ts'

const NIC = '0000:01:00.1'

interface Parts {
  readonly name?: string
  readonly matches?: (fn: { readonly bdf: string }) => boolean
  readonly open?: () => readonly Region[]
}

const region = (rest: Partial<Region> = {}): Region =>
  ({
    kind: { vendor: 0x1e5a, subtype: 1 },
    sizeBytes: 8,
    read: (_offset: number, out: Uint8Array) => void out.fill(7),
    ...rest,
  }) as Region

function pluginOf({
  name = 'card',
  matches = ({ bdf }) => bdf === NIC,
  open = () => [region()],
}: Parts = {}): Plugin {
  return definePlugin({ name: 'card', api: 1, regionProviders: [{ name, matches, open }] })
}

const READ: StepDocument = { read: { device: 'nic', region: 9, offset: 0, length: 1 } }

async function started(plugin: Plugin, steps: readonly StepDocument[] = [READ]): Promise<RunningScenario> {
  const rest = { devices: { nic: NIC }, mappings: {}, check: ['I7'] }
  const scenario = { ...scenarioOf([steps], rest), host: { ...HOST, plugins: [] } }
  const own = await RunningScenario.start(scenario, [plugin])
  own.run()
  return own
}

/** How many regions of plugins there are, and what the first of them says. */
function firstRegion({ host, stage }: RunningScenario): unknown {
  const { regions } = host.bus.driverOf(host.core.devices.get(NIC)!)!.open!
  expect(stage.devices('vm0', 'nic')).toHaveLength(1)
  return regions.length
}

describe('a device that was opened without the plugin gets a new host:', () => {
  test('other functions match', async () => {
    const own = await started(pluginOf({ matches: () => false }))
    const report = await own.reload([pluginOf()])
    expect(report).toMatchObject({
      outcome: 'new-host',
      reasons: [`card matches ${NIC} now, and what matches is asked when a device is opened`],
    })
    expect(firstRegion(own)).toBe(1)
    expect((await own.reload([pluginOf({ matches: () => false })])).reasons).toEqual([
      `card does not match ${NIC} any more, and what matches is asked when a device is opened`,
    ])
    expect(firstRegion(own)).toBe(0)
  })

  test('the old code threw in open', async () => {
    const open = () => {
      throw new Error('no firmware')
    }
    const own = await started(pluginOf({ open }))
    expect(await own.reload([pluginOf()])).toMatchObject({
      outcome: 'new-host',
      reasons: [`card was not opened for ${NIC}, where it failed`],
    })
    expect(firstRegion(own)).toBe(1)
  })

  test('the old code opened to something malformed', async () => {
    const own = await started(pluginOf({ open: () => [region({ sizeBytes: -1 })] }))
    expect((await own.reload([pluginOf()])).outcome).toBe('new-host')
    expect(firstRegion(own)).toBe(1)
  })
})

describe('what was begun with the old code cannot end with the new:', () => {
  const sample = (): Plugin =>
    definePlugin({ name: 'sample', api: 1, variantDrivers: [{ ...migrationSample }] })

  async function moved(steps: readonly StepDocument[]): Promise<RunningScenario> {
    const own = await RunningScenario.start(cardScenario([steps], { check: ['I7'] }), [sample()])
    expect(own.run()).toMatchObject({ verdict: 'ok', failures: [], pluginFailures: [] })
    return own
  }

  const goTo = (state: 'PRE_COPY' | 'RUNNING'): StepDocument => ({
    'mig-device-state': { device: 'source', state },
  })
  const ranges = [{ iova: 0x1000, length: 0x1000 }]
  const log: StepDocument = { 'dma-logging-start': { device: 'source', ranges } }
  const end: StepDocument = { 'dma-logging-stop': { device: 'source' } }

  test.each<[string, readonly StepDocument[], readonly string[]]>([
    ['a migration', [goTo('PRE_COPY')], ['0000:00:01.0 is in PRE_COPY, on data of the old code']],
    ['a migration that is over', [goTo('PRE_COPY'), goTo('RUNNING')], []],
    ['a log of DMA', [log], ['0000:00:01.0 logs DMA by the old code']],
    ['a log that was refused, and one that was stopped', [log, log, end], []],
    [
      'a log that a reset of the host left',
      [log, { reset: { device: 'source' } }],
      ['0000:00:01.0 logs DMA by the old code'],
    ],
  ])('%s', async (_what, steps, reasons) => {
    const own = await moved(steps)
    expect(await own.reload([sample()])).toMatchObject({
      outcome: reasons.length === 0 ? 'reloaded' : 'new-host',
      reasons,
    })
    expect(own.run()).toMatchObject({ failures: [], pluginFailures: [] })
  })
})

describe('the old code', () => {
  test('that closes with a promise is told, and a promise that fails ends nothing', async () => {
    const close = (async () => {
      throw new Error('later')
    }) as never
    const own = await started(pluginOf({ open: () => [region({ close })] }))
    expect((await own.reload([pluginOf()])).outcome).toBe('reloaded')
    await new Promise((resolve) => setImmediate(resolve))
    expect(own.host.bus.failureLines).toEqual([
      `card on ${NIC}: close failed: it answered with a promise; members of a plugin answer at once`,
    ])
  })

  test('is closed when there is a new host', async () => {
    const closed: string[] = []
    const open = (name: string) => () => [region({ close: () => void closed.push(name) })]
    const own = await started(pluginOf({ open: open('old') }))
    const two = () => [...open('new')(), region()]
    expect((await own.reload([pluginOf({ open: two })])).outcome).toBe('new-host')
    expect(closed).toEqual(['new', 'new', 'old'])
    own.close()
    expect(closed).toEqual(['new', 'new', 'old', 'new'])
  })

  test('is not blamed for what it did in runs before', async () => {
    const read = () => {
      throw new Error('no register map')
    }
    const own = await started(pluginOf({ open: () => [region({ read })] }))
    expect(own.run().pluginFailures).toEqual([`card on ${NIC}: read failed: no register map`])
    await own.reload([pluginOf()])
    expect(own.run().pluginFailures).toEqual([])
  })
})
