/**
 * Providers that reach a host in every way there is, all at once: one package in two versions, one of which brings a
 * copy of @vfiokit/plugin of its own; a file; and bundles with our packages inside.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** A provider of one region, `sizeBytes` long. @param {string} name @param {number} sizeBytes @param {string} read */
const source = (
  name,
  sizeBytes,
  read = '(offset, out) => void out.fill(7)',
) => `import { definePlugin } from '@vfiokit/plugin'
const region = { kind: { vendor: 0x1e5a, subtype: 1 }, sizeBytes: ${sizeBytes}, read: ${read} }
const provider = { name: '${name}', matches: () => true, open: () => [{ ...region }] }
export default definePlugin({ name: '${name}', api: 1, regionProviders: [provider] })
`

const CHECK = `import { createHost } from '@vfiokit/host'
import { runLive } from '@vfiokit/locking'
import { callsOf, openDeviceIn, openGroup } from '@vfiokit/vfio-core'

const bdf = '0000:00:03.0'
const host = await createHost({
  topology: { inline: { functions: [{ bdf, id: '1e5a:0001', class: '120000', iommuGroup: 1 }] } },
  bind: [bdf],
  plugins: ['card-one', 'card-two', './card.js', './bundle.js', './steps.js'],
})
const calls = callsOf(host.vfio.process('vm0'))
const device = await runLive(openDeviceIn(calls, await runLive(openGroup(calls, 1)), bdf))
for (let index = 9; index < (await runLive(device.info())).regionCount; index++) {
  const out = new Uint8Array(1)
  const end = await (async () => runLive(device.read(index, 0, out)))().then(() => out[0], ({ errno }) => errno)
  console.log(index, (await runLive(device.regionInfo(index))).sizeBytes, end)
}
console.log(host.bus.failureLines.length, 'failures')
`

/** Steps of a copy inside of a bundle. */
const STEPS = `function* (offset, out) {
  yield* label('fill')
  out[0] = yield* effect('nine', [9], () => 9)
}`

/** As a copy of ours inside of a bundle says no. */
const REFUSES = "() => { throw new VfioError('EPERM', 'unsupported', 'not this one') }"

/** @typedef {{ run: (cwd: string, command: string, ...args: string[]) => string, esbuild: string }} Tools */

/** One file with all that it imports inside. @param {string} folder @param {string} name @param {string} text @param {Tools} tools */
export function bundle(folder, name, text, { run, esbuild }) {
  writeFileSync(join(folder, `to-bundle-${name}`), text)
  const flags = ['--bundle', '--format=esm', '--log-level=error', `--outfile=${name}`]
  run(folder, esbuild, `to-bundle-${name}`, ...flags)
}

/**
 * @param {string} folder
 * @param {string[]} archives
 * @param {Tools} tools
 * @returns {string} region by region: index, size, and what a read of it brings
 */
export function loadEachWay(folder, archives, { run, esbuild }) {
  mkdirSync(folder)
  writeFileSync(join(folder, 'package.json'), '{"type": "module", "private": true}\n')
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', ...archives)
  for (const version of [1, 2]) {
    const place = join(folder, `card-${version}`)
    mkdirSync(place)
    const manifest = { name: 'card', version: `${version}.0.0`, type: 'module', exports: './index.js' }
    writeFileSync(join(place, 'package.json'), JSON.stringify(manifest))
    writeFileSync(join(place, 'index.js'), source(`card ${version}`, 16 * version))
    run(place, 'npm', 'pack', '--pack-destination', folder)
  }
  const [one, two] = ['card-one@file:./card-1.0.0.tgz', 'card-two@file:./card-2.0.0.tgz']
  run(folder, 'npm', 'install', '--no-audit', '--no-fund', one, two)
  const ours = join('node_modules', '@vfiokit', 'plugin')
  cpSync(join(folder, ours), join(folder, 'node_modules', 'card-two', ours), { recursive: true })
  writeFileSync(join(folder, 'card.js'), source('card of a file', 48))
  const refusing = source('card of a bundle', 64, REFUSES)
  bundle(folder, 'bundle.js', `import { VfioError } from '@vfiokit/vfio-core'\n${refusing}`, { run, esbuild })
  const stepping = source('card of steps', 80, STEPS)
  bundle(folder, 'steps.js', `import { effect, label } from '@vfiokit/locking'\n${stepping}`, {
    run,
    esbuild,
  })
  writeFileSync(join(folder, 'check.js'), CHECK)
  return run(folder, process.execPath, 'check.js')
}
