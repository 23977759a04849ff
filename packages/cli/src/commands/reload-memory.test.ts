import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { RunningScenario, readScenarioFile } from '@vfiokit/host'
import { expect, onTestFinished, test } from 'vitest'
import { freshPlugin } from './fresh-plugin.ts'

const SCENARIO = fileURLToPath(new URL('../../../../examples/vendor/scenario.yaml', import.meta.url))

/** Of a kind that Node would keep: some 100 kB. */
const WEIGHT = 2_000

const pluginText = (version: number) => `
const kind = { vendor: 0x1e5a, subtype: 1 }
const memory = new Uint8Array(0x4000).fill(${version})
const weight = Array.from({ length: ${WEIGHT} }, (_, at) => ({ text: 'w' + at }))
const regions = () => [
  { kind, sizeBytes: 64, read: (offset, out) => void out.fill(weight.length) },
  { kind, sizeBytes: 4096, backing: 'bar', fault: (offset) => ({ bar: 0, offset: 0x1000 + offset }) },
  { kind, sizeBytes: 0x4000, backing: 'memory', fault: (offset) => ({ memory, offset }) },
]
const provider = { name: 'card', matches: (fn) => fn.vendorId === 0x1e5a, open: regions }
export default { kind: '@vfiokit/Plugin', name: 'card', api: 1, regionProviders: [provider] }
`

async function heapUsed(): Promise<number> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  for (let turn = 0; turn < 4; turn++) {
    collect()
    await setImmediate()
  }
  return process.memoryUsage().heapUsed
}

test('100 reloads leave the heap as it is, and processes with what they have', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vfiokit-memory-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const file = join(folder, 'index.js')
  const load = async (version: number) => {
    writeFileSync(file, pluginText(version))
    const loaded = await freshPlugin('./index.js', file)
    if (!('plugin' in loaded)) throw new Error(JSON.stringify(loaded.complaints))
    return loaded.plugin
  }
  const running = await RunningScenario.start(readScenarioFile(SCENARIO), [await load(0)])
  const { host, stage } = running
  const vmas = [...stage.mappings.keys()].flatMap((name) => stage.vmas(name))
  const reload = async (version: number) => {
    expect(await running.reload([await load(version)])).toMatchObject({ outcome: 'reloaded', changes: [] })
    expect(running.run().pluginFailures).toEqual([])
    const byte = new Uint8Array(1)
    stage.vmas('samples')[0]!.frameAt(3)!.load(0, byte)
    expect(byte[0]).toBe(version)
  }
  // The first ones make the engine and the compiler of modules warm: that is some MB, once.
  for (let version = 1; version <= 100; version++) await reload(version)
  const before = await heapUsed()
  for (let version = 101; version <= 200; version++) await reload(version)
  // A hundred such modules that nobody gives back are 10 MB and more.
  expect((await heapUsed()) - before).toBeLessThan(2 ** 20)
  expect(running.host).toBe(host)
  expect([...stage.mappings.keys()].flatMap((name) => stage.vmas(name))).toEqual(vmas)
})
