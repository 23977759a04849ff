import {
  type HostConfig,
  PluginRecorder,
  parseRecording,
  type Recording,
  readScenarioFile,
  recordingText,
  runScenario,
  type ScenarioResult,
} from '@vfiokit/host'
import { effect } from '@vfiokit/locking'
import { definePlugin, type Plugin, type RegionProvider } from '@vfiokit/plugin'
import { VfioError } from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { defectsOf } from '../fixtures/folder.ts'
import { DEMO_SCENARIO, HOST, scenarioOf } from '../fixtures/machine.ts'
import { RecordedValues } from './recorded-value.ts'

const NIC = '0000:01:00.1'

function pluginWith(provider: Partial<RegionProvider>, rest: object = {}): Plugin {
  const full = { name: 'card', matches: ({ bdf }) => bdf === NIC, ...provider } as RegionProvider
  return { ...definePlugin({ name: 'card', api: 1, regionProviders: [full] }), ...rest }
}

/** A region as a plugin may write it: a class, frozen, with a field of its own. */
class Counter {
  readonly kind = { vendor: 0x1e5a, subtype: 1 }
  readonly sizeBytes = 8
  #reads = 0

  read(_offset: number, out: Uint8Array): void {
    out[0] = ++this.#reads
  }

  *write(_offset: number, data: Uint8Array) {
    yield* effect('half', [undefined], () => undefined)
    if (data[0] === 9) throw new VfioError('EBUSY', 'contended', 'nine')
  }
}

const STEPS = [
  { read: { device: 'nic', region: 9, offset: 0, length: 2 }, repeat: 2 },
  { write: { device: 'nic', region: 9, offset: 1, data: '01' } },
  { write: { device: 'nic', region: 9, offset: 0, data: '09' } },
]

async function record(
  plugin: Plugin,
  steps: Parameters<typeof scenarioOf>[0] = [STEPS],
): Promise<{ recording: Recording; result: ScenarioResult }> {
  const host: HostConfig = { ...HOST, plugins: [plugin] }
  const scenario = { ...scenarioOf(steps, { mappings: {}, devices: { nic: NIC } }), host }
  const recorder = new PluginRecorder()
  const [result] = await runScenario(scenario, { recorder })
  return { recording: recorder.recording('s.yaml'), result: result! }
}

describe('what is written down', () => {
  test('calls in their order, with bytes that were filled, steps, and errnos', async () => {
    const { recording } = await record(pluginWith({ open: () => [Object.freeze(new Counter())] }))
    const device = NIC
    const own = { provider: 'card', device, region: 9 }
    expect(recording.runs[0]!.calls.filter(({ member }) => member !== 'matches')).toEqual(
      [
        {
          call: 1,
          provider: 'card',
          device,
          member: 'open',
          arguments: [{ host: NIC }],
          answer: [{ kind: { vendor: 0x1e5a, subtype: 1 }, sizeBytes: 8, members: ['read', 'write'] }],
        },
        {
          ...own,
          call: 1,
          member: 'read',
          arguments: [0, { hex: '0000' }],
          answer: null,
          filled: { 1: { hex: '0100' } },
        },
        {
          ...own,
          call: 1,
          member: 'read',
          arguments: [0, { hex: '0000' }],
          answer: null,
          filled: { 1: { hex: '0200' } },
        },
        { ...own, call: 1, member: 'write', arguments: [1, { hex: '01' }], answer: null, steps: 1 },
        {
          ...own,
          call: 1,
          member: 'write',
          arguments: [0, { hex: '09' }],
          thrown: { errno: 'EBUSY', message: expect.stringContaining('nine') },
          steps: 1,
        },
      ].map((each) => ({ ...each, call: expect.any(Number) })),
    )
    expect(recording.runs[0]!.calls.map(({ call }) => call)).toEqual([1, 2, 3, 4, 5, 6])
  })

  test('members that nobody knows yet, of the provider and of what it answers', async () => {
    const seen: unknown[] = []
    const novel = { later: (...given: unknown[]) => ({ inner: { deeper: () => given.length } }) }
    const plugin = pluginWith({ open: () => [], ...novel }, { somethingElse: [{ name: 'untouched' }] })
    const recorder = new PluginRecorder()
    const run = recorder.next()
    const [wrapped] = run.wrap([plugin]) as unknown as [Record<string, never[]>]
    expect(wrapped.somethingElse![0]).toBe((plugin as unknown as Record<string, unknown[]>).somethingElse![0])
    const provider = wrapped.regionProviders![0] as unknown as typeof novel
    seen.push(provider.later({ bdf: NIC }, 7n, new Uint8Array(5000)).inner.deeper())
    expect(seen).toEqual([3])
    expect(run.calls).toEqual([
      {
        call: 1,
        provider: 'card',
        device: NIC,
        member: 'later',
        arguments: [
          { device: NIC },
          { bigint: '0x7' },
          { memory: 1, sizeBytes: 5000, digest: expect.any(String) },
        ],
        answer: { inner: { members: ['deeper'] } },
      },
      {
        call: 2,
        provider: 'card',
        device: NIC,
        at: 'later.inner',
        member: 'deeper',
        arguments: [],
        answer: 3,
      },
    ])
  })

  test('a run is what it is without', async () => {
    const scenario = readScenarioFile(DEMO_SCENARIO)
    const options = { strategies: ['unmap-range', 'rfc-2021', 'naive'] }
    const plain = await runScenario(scenario, options)
    const recorder = new PluginRecorder()
    expect(await runScenario(scenario, { ...options, recorder })).toEqual(plain)
    const { runs } = recorder.recording('demo')
    expect(runs.map(({ start }) => start.strategy)).toEqual(options.strategies)
    const members = new Set(runs.flatMap(({ calls }) => calls.map(({ member }) => member)))
    expect([...members].sort()).toEqual(expect.arrayContaining(['fault', 'matches', 'open', 'resetDone']))
  })

  test('of many bytes a digest: other bytes are another value', () => {
    const of = (at: number) => {
      const bytes = new Uint8Array(5000)
      bytes[at] = 1
      return new RecordedValues().of(bytes)
    }
    expect(of(4999)).toEqual({ memory: 1, sizeBytes: 5000, digest: expect.stringMatching(/^[0-9a-f]{16}$/) })
    expect(of(4999)).not.toEqual(of(4998))
    expect(new RecordedValues().of(new Uint8Array([7, 8]).buffer)).toEqual({ hex: '0708' })
  })

  test('an object once, however often it stands in a value', () => {
    const card: { name: string; pages: object[] } = { name: 'card', pages: [] }
    for (let at = 0; at < 30; at++) card.pages.push({ at, card, all: card.pages })
    const shared = { size: 1 }
    expect(new RecordedValues().of([shared, shared])).toEqual([{ size: 1 }, { same: '[0]' }])
    const text = JSON.stringify(new RecordedValues().of({ own: card }))
    expect(text).toContain('{"at":29,"card":{"same":".own"},"all":{"same":".own.pages"}}')
    expect(text.length).toBeLessThan(5000)
  })

  test('a getter is told and not run', () => {
    const answer = {
      get ready(): boolean {
        throw new Error('asked too early')
      },
    }
    expect(new RecordedValues().of(answer)).toEqual({ ready: { getter: true } })
  })

  test('two providers of one name are told apart', async () => {
    const one = { name: 'card', matches: () => true, open: () => [] }
    const plugins = [1, 2].map((at) =>
      definePlugin({ name: `p${at}`, api: 1, regionProviders: [{ ...one }] }),
    )
    const run = new PluginRecorder().next()
    for (const { regionProviders } of run.wrap(plugins)) regionProviders![0]!.matches({ bdf: NIC } as never)
    expect(run.calls.map(({ provider }) => provider)).toEqual(['card', 'card (2)'])
  })

  test('resets and capabilities of vendors too', async () => {
    const plugin = definePlugin({
      name: 'card',
      api: 1,
      resetMethods: [
        { name: 'own reset', matches: ({ bdf }) => bdf === NIC, reset: () => 'ENOTTY' as const },
      ],
      capabilityHandlers: [{ name: 'own table', matches: () => false, id: 9, lengthBytes: 4, registers: [] }],
    })
    const { recording } = await record(plugin, [[{ reset: { device: 'nic' } }]])
    const calls = recording.runs[0]!.calls
    const own = { provider: 'own reset', device: NIC }
    expect(calls).toContainEqual({
      ...own,
      call: expect.any(Number),
      member: 'reset',
      arguments: [{ host: NIC }],
      answer: 'ENOTTY',
    })
    expect(calls).toContainEqual(expect.objectContaining({ ...own, member: 'matches', answer: true }))
    expect(calls).toContainEqual(expect.objectContaining({ provider: 'own table', answer: false }))
  })

  test('what a plugin does wrong is told as without: a region twice, a promise, an Operation', async () => {
    const twice = new Counter()
    const wrong: Partial<RegionProvider>[] = [
      { open: () => [twice, twice] },
      { open: (async () => []) as never },
      { open: () => [{ ...new Counter(), read: async () => {} } as never] },
      { open: () => [{ ...new Counter(), capabilities: function* () {} as never } as never] },
    ]
    for (const provider of wrong) {
      const plugin = pluginWith(provider)
      const { result } = await record(plugin)
      const scenario = scenarioOf([STEPS], { mappings: {}, devices: { nic: NIC } })
      const [plain] = await runScenario({ ...scenario, host: { ...HOST, plugins: [plugin] } })
      expect(result.pluginFailures).toEqual(plain!.pluginFailures)
    }
  })
})

describe('a file', () => {
  const call = { call: 1, provider: 'card', member: 'matches', arguments: [], answer: true }
  const start = { strategy: 'unmap-range', seed: 1, kernel: '7.2' }
  const recording: Recording = { scenario: 's.yaml', runs: [{ start, calls: [call], verdict: 'ok' }] }
  const text = recordingText(recording)
  const lines = text.trimEnd().split('\n')
  const without = (line: number) =>
    lines
      .filter((_, at) => at + 1 !== line)
      .map((each) => `${each}\n`)
      .join('')
  const with_ = (line: number, put: string) =>
    lines.map((each, at) => `${at + 1 === line ? put : each}\n`).join('')

  test('says what was recorded', () => {
    expect(parseRecording(text, 'r.jsonl')).toEqual(recording)
  })

  test.each<[string, string, string]>([
    [
      'is empty',
      '',
      'r.jsonl:1: error: this is no recording of plugins (expected the header of plugin-recording/1, found the end of the file) [no-recording]',
    ],
    [
      'has another version',
      with_(1, '{"vfiokit":"plugin-recording/2","scenario":"s"}'),
      'r.jsonl:1: error: this is no recording of plugins (expected the header of plugin-recording/1, found {"vfiokit":"plugin-recording/2","scenario":"s"}) [no-recording]',
    ],
    [
      'has a line of junk',
      with_(3, 'junk'),
      'r.jsonl:3: error: this is no recording of plugins (expected a call or the verdict of a run, found junk) [no-recording]',
    ],
    [
      'has an unknown key',
      with_(3, '{"call":1,"provider":"p","member":"m","arguments":[],"x":1}'),
      'found {"call":1,"provider":"p","member":"m","arguments":[],"x":1})',
    ],
    [
      'was cut off between lines',
      `${lines.slice(0, 3).join('\n')}\n`,
      'r.jsonl:4: error: this is no recording of plugins (expected a call or the verdict of a run, found the end of the file) [no-recording]',
    ],
    [
      'was cut off in a line',
      text.slice(0, -5),
      'r.jsonl:5: error: this is no recording of plugins (expected a run or the last line, found {"end":{"runs", and then the end of the file) [no-recording]',
    ],
    [
      'lacks a call',
      without(3),
      'r.jsonl:3: error: this is no recording of plugins (expected calls: 0, found calls: 1) [no-recording]',
    ],
    [
      'has a call twice',
      with_(3, `${lines[2]}\n${lines[2]}`),
      'r.jsonl:4: error: this is no recording of plugins (expected call 2, found call 1) [no-recording]',
    ],
    [
      'has no run',
      `${lines[0]}\n{"end":{"runs":0}}\n`,
      'r.jsonl:2: error: this is no recording of plugins (expected a run, found {"end":{"runs":0}}) [no-recording]',
    ],
    [
      'has a seed that is none',
      with_(2, '{"run":{"strategy":"unmap-range","seed":-1.5,"kernel":"7.2"}}'),
      'r.jsonl:2: error: this is no recording of plugins (expected a run, found {"run"',
    ],
    [
      'has values too deep for any plugin',
      with_(3, `{"call":1,"provider":"p","member":"m","arguments":${'['.repeat(1e5)}${']'.repeat(1e5)}}`),
      'r.jsonl:3: error: this is no recording of plugins (expected a call or the verdict of a run, found {"call":1',
    ],
    ['has what a terminal would obey', with_(3, '\u001b[2J\u0007junk'), 'found \ufffd[2J\ufffdjunk)'],
    [
      'goes on behind its end',
      `${text}{}\n`,
      'r.jsonl:6: error: this is no recording of plugins (expected the end of the file, found {}) [no-recording]',
    ],
    [
      'has two recordings',
      text + text,
      'r.jsonl:6: error: this is no recording of plugins (expected the end of the file',
    ],
  ])('that %s is none', async (_, wrong, message) => {
    const [only, ...others] = await defectsOf(() => parseRecording(wrong, 'r.jsonl'))
    expect(others).toEqual([])
    // The counts say which way round.
    if (message.includes('calls: 0')) expect(only).toContain('(expected calls: 0, found calls: 1)')
    else expect(only).toContain(message)
  })
})
