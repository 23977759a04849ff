/**
 * Strategies and readers of plugins with copies of our packages of their own, from a package that has them below itself
 * and from a bundle: each must be what the one is that ships.
 */
import { copyFileSync, cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { bundle } from './each-way.mjs'

/** The strategies that ship under other names, from wherever their packages are found. @param {string} origin */
const strategies = (origin) => `import { STRATEGIES } from '@vfiokit/locking-strategies'
import { definePlugin } from '@vfiokit/plugin'
import { sysfsSnapshotReader } from '@vfiokit/topology'
export default definePlugin({
  name: 'strategies of a ${origin}',
  api: 1,
  lockingStrategies: STRATEGIES.map((each) => ({ ...each, name: '${origin}-' + each.name })),
  topologyReaders: [{ ...sysfsSnapshotReader, format: '${origin}-snapshot', recognises: () => false }],
})
`

/** @param {string} topology @param {string} strategy */
const host = (topology, strategy) => `vfiokit: host/1
topology: ${topology}
bind: ["0000:00:03.1", "0000:01:00.0", "0000:01:00.1", "0000:01:00.2", "0000:01:00.3"]
plugins: [locks, ./locks.js]
strategy: ${strategy}
`

const SCENARIO = `vfiokit: scenario/1
host: HOST.yaml
processes: [vm0]
devices: { d0: "0000:01:00.0", d1: "0000:01:00.1" }
mappings:
  bar0: { process: vm0, device: d0, region: 0, offset: 0, length: 0x1000 }
  bar1: { process: vm0, device: d1, region: 0, offset: 0, length: 0x1000 }
tasks:
  - { name: cpu0, process: vm0, do: [{ load: { mapping: bar0, offset: 0, width: 4 } }] }
  - { name: reader, process: vm0, do: [{ read: { device: d1, region: 0, offset: 0, length: 4 } }] }
  - { name: unmapper, process: vm0, do: [{ munmap: { mapping: bar1 } }] }
  - name: guest
    process: vm0
    do:
      - { set-memory: { device: d0, on: false } }
      - { set-memory: { device: d0, on: true } }
      - { reset: { device: d0 } }
  - { name: slot, process: vm0, do: [{ hot-reset: { device: d0, groups: [d0, d1], onBusy: retry } }] }
`

/** The first hot reset is refused: who asks owns another group. */
const CALLS = `open 0000:01:00.0
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

const VFIOKIT = join('node_modules', 'vfiokit', 'dist', 'bin.js')
/** Of those that ship: one that zaps ranges, and one that zaps mappings of a list. */
const SHIPPED = ['unmap-range', 'vma-list']

/**
 * Explores, runs and calls under strategies that ship and under copies of them, in a folder where our
 * packages are installed.
 *
 * @param {string} folder
 * @param {string} snapshot
 * @param {import('./each-way.mjs').Tools} tools
 * @returns {number} how many answers of copies are the same
 * @throws Error with the first answer that is another
 */
export function compareCopies(folder, snapshot, { run, esbuild }) {
  copyFileSync(snapshot, join(folder, 'machine.json'))
  writeFileSync(join(folder, 'calls.vs'), CALLS)
  installWithCopies(folder)
  bundle(folder, 'locks.js', strategies('bundle'), { run, esbuild })
  /** @param {string} strategy @param {string} topology */
  const answers = (strategy, topology) => {
    const name = `on-${strategy}`
    writeFileSync(join(folder, `${name}.yaml`), host('{ snapshot: machine.json }', strategy))
    writeFileSync(join(folder, `${name}-read.yaml`), host(topology, strategy))
    writeFileSync(join(folder, `${name}-scenario.yaml`), SCENARIO.replace('HOST', `${name}-read`))
    const scenario = [`${name}-scenario.yaml`, '--json', '--strategy', strategy]
    const commands = [
      ['explore', ...scenario],
      ['run', ...scenario, '--seed', '1'],
      ['record', 'calls.vs', '--host', `${name}.yaml`],
    ]
    const texts = commands.map((command) => run(folder, process.execPath, VFIOKIT, ...command))
    return texts.map((text) =>
      text.replaceAll(/(package|bundle)-/g, '').replaceAll(/"cpuSeconds": [\d.e-]+/g, ''),
    )
  }
  let same = 0
  for (const shipped of SHIPPED) {
    const expected = answers(shipped, '{ snapshot: machine.json }')
    for (const origin of ['package', 'bundle']) {
      const found = answers(`${origin}-${shipped}`, `{ file: machine.json, format: ${origin}-snapshot }`)
      const other = found.findIndex((text, at) => text !== expected[at])
      if (other >= 0)
        throw new Error(`${shipped} of a ${origin} answers\n${found[other]}\ninstead of\n${expected[other]}`)
      same += found.length
    }
  }
  return same
}

/** A package that has copies of all that it imports below itself. @param {string} folder */
function installWithCopies(folder) {
  const place = join(folder, 'node_modules', 'locks')
  mkdirSync(place)
  const manifest = { name: 'locks', version: '1.0.0', type: 'module', exports: './index.js' }
  writeFileSync(join(place, 'package.json'), JSON.stringify(manifest))
  writeFileSync(join(place, 'index.js'), strategies('package'))
  for (const name of ['locking', 'locking-strategies', 'plugin', 'topology']) {
    const ours = join('node_modules', '@vfiokit', name)
    cpSync(join(folder, ours), join(place, ours), { recursive: true })
  }
}
