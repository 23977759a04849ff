/** A snapshot that is damaged in part: the part is named, and everything else runs. */
import { readFileSync } from 'node:fs'
import { createHost, runScenario } from '@vfiokit/host'
import { describe, expect, test } from 'vitest'
import { folderWith } from './fixtures/folder.ts'
import { DEVICES, HOST, mappingOf, SNAPSHOT, scenarioOf } from './fixtures/machine.ts'

interface Snapshot {
  readonly devices: Record<string, { readonly attrs: { config: { hex: string } } }>
}

const { nvme, nic, acme } = DEVICES

/** A copy of the snapshot with the config bytes of one function changed. */
function damaged(bdf: string, change: (bytes: Buffer) => Buffer): string {
  const snapshot = JSON.parse(readFileSync(SNAPSHOT, 'utf8')) as Snapshot
  const { attrs } = snapshot.devices[bdf]!
  attrs.config.hex = change(Buffer.from(attrs.config.hex, 'hex')).toString('hex')
  return folderWith({ 'machine.json': JSON.stringify(snapshot) })
}

const hostOf = (folder: string) => createHost({ ...HOST, topology: { snapshot: 'machine.json' }, folder })

/** A run that uses the devices of the slot, and how it came out. */
async function verdictOn(folder: string): Promise<string> {
  const scenario = scenarioOf([
    [{ load: { mapping: 'nvme', offset: 0, width: 4 }, repeat: 3 }],
    [{ 'hot-reset': { device: 'nic', onBusy: 'retry' } }],
  ])
  const host = { ...HOST, topology: { snapshot: 'machine.json' }, folder }
  const [result] = await runScenario({ ...scenario, host })
  expect(result!.failures).toEqual([])
  return result!.verdict
}

test('the snapshot as it was recorded has nothing odd about it', async () => {
  expect((await createHost(HOST)).warnings).toEqual([])
})

describe.each([
  ['config space of 64 bytes', acme, (bytes: Buffer) => bytes.subarray(0, 64), /64/],
  [
    'a capability list that loops',
    nic,
    (bytes: Buffer) => {
      // The last capability points at the first one.
      let at = bytes[0x34]!
      while (bytes[at + 1] !== 0) at = bytes[at + 1]!
      bytes[at + 1] = bytes[0x34]!
      return bytes
    },
    /capabilit/,
  ],
  [
    'bus numbers that overlap',
    '0000:00:02.0',
    (bytes: Buffer) => {
      bytes.set([0, 1, 2], 0x18)
      return bytes
    },
    /bus/,
  ],
])('%s', (_what, bdf, change, said) => {
  test('is a warning about that function', async () => {
    const { warnings, warningLines, topology, core } = await hostOf(damaged(bdf, change))
    expect(warnings.length).toBeGreaterThan(0)
    expect(warnings.every(({ severity }) => severity === 'warning')).toBe(true)
    expect(warningLines.join('\n')).toMatch(said)
    expect(warningLines.join('\n')).toContain('machine.json')
    expect(topology.functions).toHaveLength(15)
    expect(core.devices.size).toBe(4)
  })

  test('leaves the rest running', async () => {
    expect(await verdictOn(damaged(bdf, change))).toMatch(/^(ok|unchecked)$/)
  })
})

test('a function whose config space is unknown beyond 64 bytes still gives its BAR', async () => {
  const folder = damaged(acme, (bytes) => bytes.subarray(0, 64))
  const scenario = scenarioOf([[{ load: { mapping: 'bar', offset: 0, width: 4 } }]], {
    mappings: { bar: mappingOf('acme') },
  })
  const host = { ...HOST, topology: { snapshot: 'machine.json' }, folder }
  const [result] = await runScenario({ ...scenario, host })
  expect(result!.mappings).toMatchObject([{ name: 'bar', presentPages: 1 }])
})

test('several damages are told together', async () => {
  const folder = damaged(nvme, (bytes) => bytes.subarray(0, 64))
  const { warnings } = await hostOf(folder)
  expect(warnings.every(({ bdf }) => bdf === nvme)).toBe(true)
})
