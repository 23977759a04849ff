import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { ownGolden, traceText } from '@vfiokit/conformance'
import { describe, expect, onTestFinished, test } from 'vitest'
import { vfiokit } from '../fixtures/command-line.ts'

const TRACE = '02-cfg-read.00-03.0.serial'
const golden = ownGolden()

function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'vfiokit-conform-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}

const recorded = () => golden.trace('7.2', 'multifn', TRACE)!
const traceAt = (text: string) => folderOf({ [`traces/7.2/multifn/${TRACE}.jsonl`]: text })

describe('a folder with traces alone', () => {
  test('gets its machines from the shipped data, and what is the same is the same', async () => {
    const { code, out } = await vfiokit(['conform', '--golden', traceAt(traceText(recorded())), '--json'])
    const { kernel, topics, differences } = JSON.parse(out)
    expect(differences).toEqual([])
    expect(kernel['7.2']).toMatchObject({ traces: 1, operations: recorded().length, differ: 0 })
    expect(topics).toMatchObject([{ kernel: '7.2', topic: 'cfg-read', differ: 0 }])
    const counts = ['operations', 'same', 'masked', 'differ', 'skipped', 'eraSpecific']
    expect(Object.keys(JSON.parse(out))).toEqual(['kernel', 'topics', 'differences'])
    expect(Object.keys(kernel['7.2']).sort()).toEqual(['traces', ...counts].sort())
    expect(Object.keys(kernel['7.2'].eraSpecific)).toEqual(['n', 'same'])
    expect(Object.keys(topics[0])).toEqual(['kernel', 'topic', 'same', 'differ', 'masked'])
    expect(code).toBe(0)
  })

  test('a byte that is not as recorded is shown beside what came before it: 1', async () => {
    const at = recorded().findIndex(({ op, result }) => op === 'read' && result !== undefined)
    const changed = recorded().map((record, i) =>
      i === at ? { ...record, result: { ...record.result, data: 'ee'.repeat(record.len!) } } : record,
    )
    const { code, out } = await vfiokit(['conform', '--golden', traceAt(traceText(changed))])
    expect(code).toBe(1)
    expect(out).toContain(`7.2 multifn/${TRACE} line ${recorded()[at]!.line}`)
    expect(out).toMatch(/result\.data\n +kernel eeee.*\n +model {2}[0-9a-f]{2}/)
    expect(out).toContain('#0 open 0000:00:03.0')
    const asJson = await vfiokit(['conform', '--golden', traceAt(traceText(changed)), '--json'])
    const [difference] = JSON.parse(asJson.out).differences
    const members = ['kernel', 'host', 'trace', 'i', 'op', 'expected', 'actual']
    expect([asJson.code, Object.keys(difference)]).toEqual([1, members])
    expect(difference).toMatchObject({ kernel: '7.2', host: 'multifn', trace: TRACE, i: at, op: 'read' })
    expect(difference.expected).toEqual(changed[at])
  })
})

describe('wrong input is 2, with where and what', () => {
  test.each<[string, readonly string[], RegExp]>([
    ['no folder', ['--golden', '/no/such'], /\/no\/such: expected a golden folder, found none/],
    [
      'a kernel that is none',
      ['--kernel', '7.2,5.1'],
      /--kernel: expected 5\.10, 6\.1, 6\.12, 7\.2, found 5\.1/,
    ],
    ['a trace that is nowhere', ['no-such-trace'], /expected the name of a trace, found no-such-trace/],
  ])('%s', async (_what, args, message) => {
    const { code, err } = await vfiokit(['conform', ...args])
    expect(err).toMatch(message)
    expect(code).toBe(2)
  })

  test('a trace that is junk', async () => {
    const { code, err } = await vfiokit(['conform', '--golden', traceAt('junk\n')])
    expect(err).toMatch(/\.jsonl:1: expected a JSON object, found junk/)
    expect(code).toBe(2)
  })

  test('a machine that has no snapshot anywhere', async () => {
    const folder = folderOf({ 'traces/7.2/nowhere/01-a.jsonl': traceText(recorded()) })
    const { code, err } = await vfiokit(['conform', '--golden', folder])
    expect(err).toMatch(/expected a snapshot of nowhere under 7\.2, found none/)
    expect(code).toBe(2)
  })

  test('a folder without traces', async () => {
    const { code, err } = await vfiokit(['conform', '--golden', folderOf({ 'README.md': '' })])
    expect(err).toMatch(/expected traces of .*, found none/)
    expect(code).toBe(2)
  })
})

describe('record', () => {
  test('writes what conform then finds to be the same', async () => {
    const script = recorded().map(({ op, args }) => [op, ...args].join(' '))
    const snapshot = golden.snapshot('7.2', 'multifn')!.text
    const host =
      "vfiokit: host/1\nkernel: '7.2'\ntopology: {snapshot: snapshot.json}\nbind: ['0000:00:03.0']\n"
    const folder = folderOf({ 'a.vs': script.join('\n'), 'snapshot.json': snapshot, 'host.yaml': host })
    const trace = join(folder, `traces/7.2/multifn/${TRACE}.jsonl`)
    mkdirSync(dirname(trace), { recursive: true })
    const written = await vfiokit([
      'record',
      join(folder, 'a.vs'),
      '--host',
      join(folder, 'host.yaml'),
      '--out',
      trace,
    ])
    expect(written).toEqual({ code: 0, out: '', err: '' })
    expect(readFileSync(trace, 'utf8').trim().split('\n')).toHaveLength(script.length)
    const { out } = await vfiokit(['conform', '--golden', folder, '--json'])
    expect(JSON.parse(out).kernel['7.2']).toMatchObject({ operations: script.length, differ: 0 })
  })

  test('an operation that waits for ever is told of, and the script goes on', async () => {
    const script = ['open 0000:00:03.0', 'sysfs-write 0000:00:03.0 driver/unbind 0000:00:03.0', 'sleep 1']
    const host =
      "vfiokit: host/1\nkernel: '7.2'\ntopology: {snapshot: snapshot.json}\nbind: ['0000:00:03.0']\n"
    const snapshot = golden.snapshot('7.2', 'multifn')!.text
    const folder = folderOf({ 'a.vs': script.join('\n'), 'snapshot.json': snapshot, 'host.yaml': host })
    const { code, out } = await vfiokit(['record', join(folder, 'a.vs'), '--host', join(folder, 'host.yaml')])
    const [opened, unbound, slept] = out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect([code, opened.ok, slept.ok]).toEqual([0, true, true])
    expect(unbound.broken).toMatch('waits for ever')
  })

  test.each<[string, string, RegExp]>([
    ['a script that is none', 'opne x', /a\.vs:1: expected an operation/],
    ['a host that is none', 'sleep 1', /host\.yaml/],
  ])('%s is 2', async (_what, script, message) => {
    const folder = folderOf({ 'a.vs': script, 'host.yaml': 'vfiokit: other/1\n' })
    const { code, err } = await vfiokit(['record', join(folder, 'a.vs'), '--host', join(folder, 'host.yaml')])
    expect(err).toMatch(message)
    expect(code).toBe(2)
  })
})
