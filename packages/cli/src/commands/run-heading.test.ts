import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { vfiokit } from '../fixtures/command-line.ts'

/** Has its region under one kernel. */
const PLUGIN = `
const region = { kind: { vendor: 0x1e5a, subtype: 1 }, sizeBytes: 64, read(offset, out) {} }
const provider = {
  name: 'old-link',
  matches: (fn) => fn.vendorId === 0x1e5a,
  open: ({ kernel }) => (kernel === '5.10' ? [region] : []),
}
export default { kind: '@vfiokit/Plugin', name: 'old-link', api: 1, regionProviders: [provider] }
`
const HOST = `vfiokit: host/1
topology:
  inline:
    functions:
      - { bdf: "0000:00:01.0", id: "1e5a:0001", class: "120000", iommuGroup: 1 }
bind: ["0000:00:01.0"]
plugins: [./index.js]
`
const SCENARIO = `vfiokit: scenario/1
host: host.yaml
processes: [vm0]
devices: { card: "0000:00:01.0" }
tasks:
  - { name: task, process: vm0, do: [{ read: { device: card, region: 7, offset: 0, length: 4 } }] }
check: [I7]
`

test('a plugin that has no region under a kernel is told with those that have', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vfiokit-heading-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const files = { 'package.json': '{"type": "module"}', 'index.js': PLUGIN, 'scenario.yaml': SCENARIO }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
  const under = async (kernel: string) => {
    writeFileSync(join(folder, 'host.yaml'), `${HOST}kernel: "${kernel}"\n`)
    const { out } = await vfiokit(['run', join(folder, 'scenario.yaml')])
    return out.split('\n').find((line) => line.startsWith('old-link'))
  }
  expect(await under('5.10')).toBe('old-link  0000:00:01.0       9     64  trapped')
  expect(await under('6.1')).toBe('old-link  0000:00:01.0                 opens no region here')
})
