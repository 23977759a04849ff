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

/** What a hundred reloads may add to the heap, once it is warm. */
const FLAT_BYTES = 2 ** 19
const ROUNDS_MAX = 8

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
  let version = 0
  const growthOfHundred = async () => {
    const before = await heapUsed()
    for (let turn = 0; turn < 100; turn++) await reload(++version % 251)
    return (await heapUsed()) - before
  }
  // The first hundreds make the engine and the compiler of modules warm: that is some MB, once. What leaks leaks in
  // every round: a hundred such modules that nobody gives back are 10 MB and more.
  const growths = [await growthOfHundred()]
  while (growths.at(-1)! >= FLAT_BYTES && growths.length < ROUNDS_MAX) growths.push(await growthOfHundred())
  expect(growths.at(-1), `bytes in rounds of a hundred: ${growths.join(', ')}`).toBeLessThan(FLAT_BYTES)
  expect(running.host).toBe(host)
  expect([...stage.mappings.keys()].flatMap((name) => stage.vmas(name))).toEqual(vmas)
})
