import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { gunzipSync } from 'node:zlib'
import { Bdf, type PciFunction, type Topology } from '@vfiokit/topology'
import { readSysfs, readTopologyFile } from '@vfiokit/topology/node'
import { afterAll, beforeAll, expect, test } from 'vitest'

const FIXTURE = fileURLToPath(new URL('../fixtures/sriov-7.2.json.gz', import.meta.url))

interface Snapshot {
  readonly devices: Record<string, { readonly realpath: string; readonly attrs: Record<string, unknown> }>
  readonly slots: Record<string, Record<string, string>>
}

let root = ''
const folderOf = (bdf: string): string => join(root, 'bus/pci/devices', bdf)

function writeDevice(bdf: string, realpath: string, attrs: Record<string, unknown>): void {
  const folder = join(root, realpath.slice('/sys/'.length))
  mkdirSync(folder, { recursive: true })
  symlinkSync(`../../../${realpath.slice('/sys/'.length)}`, folderOf(bdf))
  const ids = [attrs.vendor, attrs.device].map((text) => String(text).slice(2).toUpperCase()).join(':')
  const subsystem = [attrs.subsystem_vendor, attrs.subsystem_device]
    .map((text) => String(text).slice(2))
    .join(':')
  const driver = (attrs.driver as { link: string } | undefined)?.link.split('/').at(-1)
  const lines = [
    ...(driver === undefined ? [] : [`DRIVER=${driver}`]),
    `PCI_CLASS=${Number(attrs.class).toString(16).toUpperCase()}`,
    `PCI_ID=${ids}`,
    `PCI_SUBSYS_ID=${subsystem}`,
  ]
  writeFileSync(join(folder, 'uevent'), `${lines.join('\n')}\n`)
  for (const [name, value] of Object.entries(attrs)) {
    const path = join(folder, name)
    if (typeof value === 'string') writeFileSync(path, `${value}\n`)
    else if (name === 'config') writeFileSync(path, Buffer.from((value as { hex: string }).hex, 'hex'))
    else if (typeof value === 'object' && value !== null && 'link' in value)
      symlinkSync(String(value.link), path)
  }
}

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'sysfs-'))
  const snapshot = JSON.parse(gunzipSync(readFileSync(FIXTURE)).toString()) as Snapshot
  mkdirSync(join(root, 'bus/pci/devices'), { recursive: true })
  for (const [bdf, { realpath, attrs }] of Object.entries(snapshot.devices)) writeDevice(bdf, realpath, attrs)
  for (const [name, slot] of Object.entries(snapshot.slots)) {
    const path = join(root, 'bus/pci/slots', name, 'address')
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, `${slot.address}\n`)
  }
})
afterAll(() => rmSync(root, { recursive: true }))

function plain(topology: Topology): unknown {
  const one = (fn: PciFunction): unknown => ({ ...fn, config: Buffer.from(fn.config.bytes).toString('hex') })
  const slots = topology.slots.map((slot) => ({ ...slot, functions: slot.functions.map((fn) => fn.bdf) }))
  return { functions: topology.functions.map(one), slots, bridges: topology.bridges }
}

test('a tree of files is the same topology as the snapshot taken of it', () => {
  const topology = readSysfs({ root, attributes: true })
  expect(topology.faults).toEqual([])
  expect(plain(topology)).toEqual(plain(readTopologyFile(FIXTURE)))
})

test('a short read of the configuration space is a fault; its real size is still known', () => {
  const path = join(folderOf('0000:01:00.0'), 'config')
  const whole = readFileSync(path)
  writeFileSync(path, whole.subarray(0, 64))
  const topology = readSysfs({ root })
  writeFileSync(path, whole)
  expect(topology.faults).toMatchObject([{ code: 'config-truncated', bdf: '0000:01:00.0' }])
  expect(topology.function(Bdf.parse('01:00.0'))).toMatchObject({
    capabilitiesKnown: 'nothing',
    deviceId: 0x10c9,
  })
})

test('without uevent, as in copied trees, the other files say the same', () => {
  const before = plain(readSysfs({ root }))
  const paths = readSysfs({ root }).functions.map((fn) => join(folderOf(fn.bdf), 'uevent'))
  const texts = paths.map((path) => readFileSync(path))
  for (const path of paths) unlinkSync(path)
  const without = plain(readSysfs({ root }))
  paths.forEach((path, index) => void writeFileSync(path, texts[index]!))
  expect(without).toEqual(before)
})

test('a device that goes away costs itself and a warning', () => {
  const gone = folderOf('0000:09:00.0')
  symlinkSync('../../../devices/pci0000:00/0000:09:00.0', gone)
  const topology = readSysfs({ root })
  unlinkSync(gone)
  expect(topology.faults).toMatchObject([
    { severity: 'warning', code: 'device-vanished', bdf: '0000:09:00.0' },
  ])
  expect(topology.functions).toHaveLength(13)
})

test('what is no device and what is malformed are faults that name their file', () => {
  const stray = join(root, 'bus/pci/devices/readme')
  writeFileSync(stray, '')
  const address = join(root, 'bus/pci/slots/1/address')
  const before = readFileSync(address)
  writeFileSync(address, 'nowhere\n')
  const topology = readSysfs({ root })
  writeFileSync(address, before)
  unlinkSync(stray)
  expect(topology.faults.map((fault) => [fault.code, fault.file])).toEqual([
    ['sysfs-malformed', stray],
    ['sysfs-malformed', join(root, 'bus/pci/slots/1')],
  ])
})

/** Reads with a folder in the place of a file, which nobody can read, root neither. */
function readWithFolderAs(path: string, detail: 'all' | 'tree'): Topology {
  renameSync(path, `${path}.kept`)
  mkdirSync(path)
  const topology = readSysfs({ root, detail })
  rmdirSync(path)
  renameSync(`${path}.kept`, path)
  return topology
}

test('for a tree too, a header that cannot be read is a fault', () => {
  const topology = readWithFolderAs(join(folderOf('0000:01:00.0'), 'config'), 'tree')
  expect(topology.faults.map(({ code, bdf }) => [code, bdf])).toEqual([
    ['sysfs-attribute-unreadable', '0000:01:00.0'],
    ['identity-unknown', '0000:01:00.0'],
  ])
})

test('an attribute that cannot be read is unknown, and a fault with its errno', () => {
  const path = join(folderOf('0000:01:00.0'), 'reset_method')
  const topology = readWithFolderAs(path, 'all')
  expect(topology.function(Bdf.parse('01:00.0'))?.resetMethods).toBeUndefined()
  expect(topology.faults).toMatchObject([
    { severity: 'warning', code: 'sysfs-attribute-unreadable', bdf: '0000:01:00.0', file: path },
  ])
  expect(topology.faults[0]!.message).toContain('EISDIR')
})

test('a root without PCI is an error that names the folder', () => {
  expect(readSysfs({ root: join(root, 'none') }).faults).toMatchObject([
    { severity: 'error', code: 'sysfs-unreadable', message: 'there is no such file' },
  ])
})

test('other attributes are read on request only, one file each', () => {
  const snapshot = JSON.parse(gunzipSync(readFileSync(FIXTURE)).toString()) as Snapshot
  const bdf = '0000:01:00.0'
  const { attrs } = snapshot.devices[bdf]!
  expect(readSysfs({ root }).function(Bdf.parse(bdf))?.attributes).toEqual({})
  const { attributes } = readSysfs({ root, attributes: true }).function(Bdf.parse(bdf))!
  for (const [name, text] of Object.entries(attributes)) expect(text).toBe(String(attrs[name]).trim())
  expect(Object.keys(attributes).length).toBeGreaterThan(0)
})
