/**
 * A plugin that is one file with copies of its own of our packages, loaded by path: its strategies and its reader
 * are to everybody what those are that share our copy.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { shippedStrategies } from '@vfiokit/host'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { writeBundle } from '../fixtures/bundle.ts'
import { vfiokit } from '../fixtures/command-line.ts'

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url))
const SNAPSHOT = path('../../../../examples/demo/multifn.json')
/** A strategy that yields ops of every kind and makes its state itself. */
const BOOKKEEPING = path('../../../testkit/src/fixtures/bookkeeping.ts')

const PLUGIN = `
import { LockRegistry } from '@vfiokit/locking'
import { STRATEGIES, vmaList } from '@vfiokit/locking-strategies'
import { definePlugin } from '@vfiokit/plugin'
import { sysfsSnapshotReader } from '@vfiokit/topology'
import { bookkeeping } from ${JSON.stringify(BOOKKEEPING)}

const copies = [...STRATEGIES, bookkeeping].map((each) => ({ ...each, name: 'copy-of-' + each.name }))
const own = new LockRegistry({ fair: true })
const withOwnState = {
  ...vmaList,
  name: 'own-state-of-vma-list',
  deviceState: (_, device) => vmaList.deviceState(own, device),
  setState: (_, id) => vmaList.setState(own, id),
}
const reader = { ...sysfsSnapshotReader, format: 'own-snapshot', recognises: () => false }
export default definePlugin({
  name: 'copies',
  api: 1,
  lockingStrategies: [...copies, withOwnState],
  topologyReaders: [reader],
})
`

const hostFile = (topology: string, more = '') => `
vfiokit: host/1
topology: ${topology}
bind: ["0000:01:00.0", "0000:01:00.1", "0000:01:00.2", "0000:01:00.3", "0000:00:03.1"]
plugins: [./plugin.js]
${more}`

/** A fault, munmap, memory off and on, a reset of a function, and one of the slot that gives up. */
const scenarioFile = (host: string) => `
vfiokit: scenario/1
host: ${host}
processes: [vm0]
devices: { d0: "0000:01:00.0", d1: "0000:01:00.1" }
mappings:
  bar0: { process: vm0, device: d0, region: 0, offset: 0, length: 0x1000 }
  bar1: { process: vm0, device: d1, region: 0, offset: 0, length: 0x1000 }
tasks:
  - { name: cpu0, process: vm0, do: [{ load: { mapping: bar0, offset: 0, width: 4 } }] }
  - { name: unmapper, process: vm0, do: [{ munmap: { mapping: bar1 } }] }
  - name: guest
    process: vm0
    do:
      - { set-memory: { device: d0, on: false } }
      - { set-memory: { device: d0, on: true } }
      - { reset: { device: d0 } }
  - { name: slot, process: vm0, do: [{ hot-reset: { device: d0, groups: [d0, d1], onBusy: give-up } }] }
`

/** The same, call by call; the first hot reset is refused: who asks owns another group. */
const CALLS = `
open 0000:01:00.0
mmap 0000:01:00.0 0 0 4096 rw shared bar
store bar 36 4 0x11
write 0000:01:00.0 7 4 0000
load bar 36 4
write 0000:01:00.0 7 4 0700
load bar 36 4
reset 0000:01:00.0
load bar 36 4
open 0000:00:03.1
hot-reset 0000:01:00.0 via 0000:00:03.1
hot-reset 0000:01:00.0 via 0000:01:00.0
load bar 36 4
munmap bar
close 0000:01:00.0
`

let folder: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'vfiokit-copies-'))
  await writeBundle(folder, 'plugin', PLUGIN)
  writeFileSync(join(folder, 'host.yaml'), hostFile(`{ snapshot: ${SNAPSHOT} }`))
  writeFileSync(join(folder, 'own.yaml'), hostFile(`{ file: ${SNAPSHOT}, format: own-snapshot }`))
  writeFileSync(join(folder, 'calls.vs'), CALLS)
  for (const host of ['host', 'own'])
    writeFileSync(join(folder, `on-${host}.yaml`), scenarioFile(`${host}.yaml`))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** What a command answers, without the time it took and what tells the names apart. */
async function says(command: string, host: string, strategy: string, flags: readonly string[]) {
  const args = [command, join(folder, `on-${host}.yaml`), '--strategy', strategy, ...flags, '--json']
  const { code, out, err } = await vfiokit(args)
  expect(err).toBe('')
  const text = out.replaceAll(/(copy|own-state)-of-/g, '').replaceAll(`on-${host}`, 'on-HOST')
  return { code, ...JSON.parse(text.replaceAll(/"cpuSeconds": [\d.e-]+/g, '"cpuSeconds": 0')) }
}

const PAIRS = [
  ...shippedStrategies().map(({ name }) => [`copy-of-${name}`, name]),
  ['own-state-of-vma-list', 'vma-list'],
  ['copy-of-bookkeeping', BOOKKEEPING],
] as [copy: string, of: string][]

const EXPLORATIONS: [how: string, flags: string[]][] = [
  ['in every interleaving', []],
  ['in those with few preemptions', ['--mode', 'bounded']],
  ['for livelocks', ['--mode', 'liveness']],
  ['for the order of its locks', ['--mode', 'lockdep']],
  ['in samples of the whole engine', ['--mode', 'sample', '--engine', '--runs', '20']],
]

describe.each(PAIRS)('%s', (copy, of) => {
  test.each(EXPLORATIONS)('is explored %s with one verdict and as many states', async (_how, flags) => {
    const expected = await says('explore', 'host', of, flags)
    expect(['ok', 'livelock']).toContain(expected.results[0].verdict)
    expect(await says('explore', 'host', copy, flags)).toEqual(expected)
  })

  test('costs the same', async () => {
    const flags = ['--duration', '0.2']
    expect(await says('contention', 'host', copy, flags)).toEqual(await says('contention', 'host', of, flags))
  })
})

describe('on a host', () => {
  test.each(PAIRS.filter(([, of]) => of !== BOOKKEEPING))(
    '%s runs step by step alike, and every invariant is asked as often',
    async (copy, of) => {
      for (const seed of ['1', '2', '3']) {
        const expected = await says('run', 'host', of, ['--seed', seed])
        expect(await says('run', 'host', copy, ['--seed', seed])).toEqual(expected)
      }
    },
  )

  test.each(PAIRS.filter(([, of]) => of !== BOOKKEEPING))('%s answers calls alike', async (copy, of) => {
    const traceOf = async (strategy: string) => {
      const host = join(folder, `${strategy}.yaml`)
      writeFileSync(host, hostFile(`{ snapshot: ${SNAPSHOT} }`, `strategy: ${strategy}`))
      const { code, out, err } = await vfiokit(['record', join(folder, 'calls.vs'), '--host', host])
      expect(err).toBe('')
      return { code, out }
    }
    const expected = await traceOf(of)
    expect(expected.out.match(/SIGBUS|"errno":"\w+"/g)).toEqual(['SIGBUS', '"errno":"EINVAL"'])
    expect(await traceOf(copy)).toEqual(expected)
  })

  test('a machine that a reader of the bundle has read is the same machine', async () => {
    expect(await says('run', 'own', 'copy-of-unmap-range', [])).toEqual(
      await says('run', 'host', 'unmap-range', []),
    )
  })
})

test('the bundle imports none of our packages', () => {
  expect(readFileSync(join(folder, 'plugin.js'), 'utf8')).not.toMatch(/from "@vfiokit/)
})
