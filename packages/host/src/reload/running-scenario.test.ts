import { RunningScenario, type Scenario } from '@vfiokit/host'
import { definePlugin, type Plugin, type Region } from '@vfiokit/plugin'
import { describe, expect, test } from 'vitest'
import { HOST, mappingOf, scenarioOf } from '../fixtures/machine.ts'

const NIC = '0000:01:00.1'
const PAGE = 4096
const kind = { vendor: 0x1e5a, subtype: 1 }

/** What has been closed. */
type Log = string[]

const counter = (first: number): Region => ({
  kind,
  sizeBytes: 8,
  read: (_offset, out) => {
    out[0] = first
  },
})

const samples = (fill: number, log: Log = []): Region => {
  const memory = new Uint8Array(2 * PAGE).fill(fill)
  return {
    kind,
    sizeBytes: memory.length,
    backing: 'memory',
    fault: (offset) => ({ memory, offset }),
    close: () => void log.push(`closed ${fill}`),
  }
}

const trigger = (sizeBytes = PAGE): Region => {
  return { kind, sizeBytes, backing: 'bar', fault: (offset) => ({ bar: 0, offset: PAGE + offset }) }
}

function pluginOf(open: () => readonly Region[], rest: object = {}): Plugin {
  const provider = { name: 'card', matches: ({ bdf }: { bdf: string }) => bdf === NIC, open }
  return { ...definePlugin({ name: 'card', api: 1, regionProviders: [provider] }), ...rest }
}

const LOADS = [
  { load: { mapping: 'bar', offset: 0, width: 4 } },
  { load: { mapping: 'samples', offset: 0, width: 4 } },
  { load: { mapping: 'trigger', offset: 0, width: 4 } },
] as const

const SCENARIO: Scenario = {
  ...scenarioOf([LOADS], {
    devices: { nic: NIC },
    // What is asked even of a run in which every page is there already.
    check: ['I5', 'I7'],
    mappings: {
      bar: mappingOf('nic', 0),
      samples: mappingOf('nic', 10),
      trigger: mappingOf('nic', 11),
    },
  }),
  host: { ...HOST, plugins: [] },
}

const three =
  (fill: number, log: Log = []) =>
  () => [counter(fill), samples(fill, log), trigger()]

async function running(plugin: Plugin): Promise<RunningScenario> {
  const own = await RunningScenario.start(SCENARIO, [plugin])
  expect(own.run()).toMatchObject({ verdict: 'ok', failures: [], pluginFailures: [] })
  return own
}

/** What a process sees, of all that it has open and mapped. */
function present({ stage }: RunningScenario): Record<string, number> {
  return Object.fromEntries(
    [...stage.mappings.keys()].map((name) => [name, stage.vmas(name)[0]!.presentPages]),
  )
}

function firstByte({ stage }: RunningScenario, mapping: string): number | undefined {
  const out = new Uint8Array(1)
  stage.vmas(mapping)[0]!.frameAt(0)?.load(0, out)
  return out[0]
}

describe('new code in a running host', () => {
  test('answers from then on; mappings of its regions lose their pages, those of BARs do not', async () => {
    const log: Log = []
    const own = await running(pluginOf(three(1, log)))
    const { host, stage } = own
    const vmas = stage.vmas('bar')
    stage.vmas('bar')[0]!.frameAt(0)!.store(0, Uint8Array.of(0x5a))
    expect(present(own)).toEqual({ bar: 1, samples: 1, trigger: 1 })
    expect(await own.reload([pluginOf(three(2, log))])).toEqual({
      outcome: 'reloaded',
      changes: [],
      reasons: [],
      zappedPages: 2,
    })
    expect(present(own)).toEqual({ bar: 1, samples: 0, trigger: 0 })
    // The spare host's, then the old one's.
    expect(log).toEqual(['closed 2', 'closed 1'])
    expect(own.host).toBe(host)
    expect(own.stage).toBe(stage)
    expect(stage.vmas('bar')).toEqual(vmas)
    expect(firstByte(own, 'bar')).toBe(0x5a)
    expect(own.run()).toMatchObject({ verdict: 'ok', failures: [], pluginFailures: [] })
    expect(firstByte(own, 'samples')).toBe(2)
    expect(present(own)).toEqual({ bar: 1, samples: 1, trigger: 1 })
  })

  test('under every way to keep mappings', async () => {
    for (const strategy of ['vma-list', 'shared-inode', 'rfc-2021', 'unmap-range']) {
      const own = await RunningScenario.start(SCENARIO, [pluginOf(three(1))], { strategies: [strategy] })
      expect(own.run().strategy).toBe(strategy)
      expect((await own.reload([pluginOf(three(2))])).outcome).toBe('reloaded')
      expect(own.run(), strategy).toMatchObject({ verdict: 'ok', pluginFailures: [] })
      expect(firstByte(own, 'samples')).toBe(2)
    }
  })

  test('says which regions have other sizes and members', async () => {
    const own = await running(pluginOf(three(1)))
    const changed = () => [
      { ...counter(2), sizeBytes: 16, write: () => {} },
      {
        kind,
        sizeBytes: PAGE,
        backing: 'memory' as const,
        fault: () => ({ memory: new Uint8Array(PAGE), offset: 0 }),
      },
      { ...trigger(), kind: { vendor: 0x1e5a, subtype: 7 } },
    ]
    const { outcome, changes } = await own.reload([pluginOf(changed)])
    expect({ outcome, changes }).toEqual({
      outcome: 'reloaded',
      changes: [
        `card on ${NIC}: region 9 has 16 bytes, had 8`,
        `card on ${NIC}: region 9: write is new`,
        `card on ${NIC}: region 10 has 4096 bytes, had 8192`,
        `card on ${NIC}: region 10: close is gone`,
        `card on ${NIC}: region 11: kind is {"vendor":7770,"subtype":7}, was {"vendor":7770,"subtype":1}`,
      ],
    })
    const [first] = own.host.bus.driverOf(own.host.core.devices.get(NIC)!)!.open!.regions
    expect([first!.sizeBytes, first!.region.write === undefined]).toEqual([16, false])
  })

  test('the same plugin is left alone', async () => {
    const plugin = pluginOf(three(1))
    const own = await running(plugin)
    expect(await own.reload([plugin])).toMatchObject({ outcome: 'reloaded', zappedPages: 0 })
    expect(present(own)).toEqual({ bar: 1, samples: 1, trigger: 1 })
  })
})

describe('code that cannot be used leaves the old in place, with the reason:', () => {
  const broken: readonly (readonly [string, () => readonly Region[], string])[] = [
    [
      'open throws',
      () => {
        throw new Error('no firmware')
      },
      `card on ${NIC}: open failed: no firmware`,
    ],
    [
      'a region is malformed',
      () => [{ kind, sizeBytes: -1 }],
      `card on ${NIC}: open failed: region 0: sizeBytes is -1`,
    ],
  ]
  test.each(broken)('%s', async (_, open, reason) => {
    const own = await running(pluginOf(three(1)))
    const { host } = own
    const report = await own.reload([pluginOf(open)])
    expect(report).toMatchObject({ outcome: 'kept', zappedPages: 0 })
    expect(report.reasons.join()).toContain(reason)
    expect(own.host).toBe(host)
    expect(own.run()).toMatchObject({ verdict: 'ok', pluginFailures: [] })
    expect(firstByte(own, 'samples')).toBe(1)
  })

  test('open throws the second time: what was opened is closed', async () => {
    const own = await running(pluginOf(three(1)))
    let opens = 0
    const once = () => {
      if (++opens === 2) throw new Error('once only')
      return three(2)()
    }
    expect(await own.reload([pluginOf(once)])).toMatchObject({
      outcome: 'kept',
      reasons: [`card on ${NIC}: open failed: once only`],
    })
    expect(firstByte(own, 'samples')).toBe(1)
  })

  test('what the scenario maps is not there any more', async () => {
    const own = await running(pluginOf(three(1)))
    const { outcome, changes, reasons } = await own.reload([pluginOf(() => [counter(2)])])
    expect({ outcome, changes }).toEqual({
      outcome: 'kept',
      changes: [
        `card on ${NIC}: region 10 is gone: 8192 bytes, mappable, backed by memory`,
        `card on ${NIC}: region 11 is gone: 4096 bytes, mappable, backed by bar`,
      ],
    })
    expect(reasons.join()).toContain('samples cannot be mapped')
  })
})

describe('what an open device cannot take gets a new host, with the reason:', () => {
  test.each<[string, () => readonly Region[], object, string]>([
    [
      'one region more',
      () => [...three(2)(), counter(2)],
      {},
      'region indexes are given when a device is opened',
    ],
    [
      'other backing',
      () => [counter(2), trigger(), trigger()],
      {},
      'what backs pages is settled when they are mapped',
    ],
    ['a BAR of another size', () => [counter(2), samples(2), trigger(2 * PAGE)], {}, 'which pages of a BAR'],
    ['parts that are not opened', three(2), { topologyReaders: [] }, 'card brings topologyReaders'],
    ['other providers', three(2), { regionProviders: [] }, 'card has other providers'],
  ])('%s', async (what, open, rest, reason) => {
    const own = await running(pluginOf(three(1)))
    const { host } = own
    const report = await own.reload([pluginOf(open, rest)])
    expect(report.reasons.join()).toContain(what === 'other providers' ? 'samples cannot be mapped' : reason)
    expect(report.outcome).toBe(what === 'other providers' ? 'kept' : 'new-host')
    expect(own.host === host).toBe(what === 'other providers')
    expect(own.run().verdict).toBe('ok')
  })

  test('locks that the last run holds for ever', async () => {
    const own = await running(pluginOf(three(1)))
    own.host.core.locks.mutex('left').tryTake('write')
    const report = await own.reload([pluginOf(three(2))])
    expect(report).toMatchObject({ outcome: 'new-host', reasons: ['the last run holds left for ever'] })
  })
})
