import { fileURLToPath } from 'node:url'
import { Bdf, sysfsSnapshotReader, type Topology, writeJson, writeYaml, yamlReader } from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'
import fc from 'fast-check'
import { expect, test } from 'vitest'

function fixture(name: string): Topology {
  return readTopologyFile(fileURLToPath(new URL(`../fixtures/${name}.json.gz`, import.meta.url)))
}

const ATTRS = { vendor: '0x1b36', device: '0x0010', class: '0x010802', revision: '0x02' }

function read(devices: unknown, rest: Record<string, unknown> = {}): Topology {
  return sysfsSnapshotReader.read(JSON.stringify({ devices, ...rest }), { file: 'snap.json' })
}

function device(attrs: Record<string, unknown>, realpath = '/sys/devices/pci0000:00/0000:00:02.0'): unknown {
  return { '0000:00:02.0': { realpath, attrs: { ...ATTRS, ...attrs } } }
}

test('a real machine with a four-function slot', () => {
  const topology = fixture('multifn-7.2')
  expect(topology.faults).toEqual([])
  expect(topology.functions).toHaveLength(15)
  const nvme = topology.function(Bdf.parse('01:00.0'))!
  expect(nvme).toMatchObject({
    vendorId: 0x1b36,
    deviceId: 0x0010,
    classCode: 0x010802,
    revision: 2,
    subsystem: { vendorId: 0x1af4, deviceId: 0x1100 },
    headerType: 0,
    multifunction: true,
    configSizeBytes: 4096,
    capabilitiesKnown: 'all',
    parent: '0000:00:01.0',
    driver: 'vfio-pci',
    iommuGroup: 6,
    slot: '1',
    resetMethods: ['flr', 'bus'],
    physfn: undefined,
    pcie: { type: 'endpoint', functionLevelReset: true },
  })
  expect(nvme.bars).toEqual([
    { index: 0, kind: 'memory', width: 64, prefetchable: false, address: 0xfe380000n, sizeBytes: 16384 },
  ])
  expect(topology.slots.map((slot) => [slot.name, slot.driver, slot.functions.length])).toEqual([
    ['1', 'pciehp', 4],
    ['2', 'pciehp', 2],
  ])
  expect(topology.bridge(Bdf.parse('00:01.0'))).toMatchObject({ primary: 0, secondary: 1, subordinate: 1 })
  expect(topology.buses.map((bus) => bus.kind)).toEqual(['root', 'secondary', 'secondary'])
})

test('a real machine with virtual functions', () => {
  const topology = fixture('sriov-7.2')
  expect(topology.faults).toEqual([])
  const physical = Bdf.parse('01:00.0')
  const virtual = topology.virtualFunctions(physical)
  expect(virtual.map((fn) => fn.bdf)).toEqual(['0000:01:10.0', '0000:01:10.2', '0000:01:10.4'])
  expect(virtual[0]).toMatchObject({
    vendorId: 0x8086,
    deviceId: 0x10ca,
    multifunction: false,
    physfn: physical,
  })
  expect(topology.function(physical)?.vfBars).toMatchObject([
    { index: 0, sizeBytes: 0x20000 },
    { index: 3, sizeBytes: 0x20000 },
  ])
})

test('a path names the bridge above, a host bridge means none', () => {
  const realpath = '/sys/devices/pci0000:00/0000:00:01.0/0000:00:02.0'
  expect(read(device({}, realpath)).faults).toMatchObject([{ code: 'parent-missing' }])
  expect(read(device({}, '/sys/devices/pci10000:e0/10000:e0:02.0')).functions[0]?.parent).toBeUndefined()
})

test('64 bytes of configuration space, as an unprivileged reader gets: a fault that names the function', () => {
  const head = '361b100007011000020208010000800000000000'.padEnd(128, '0')
  const topology = read(device({ config: { hex: head } }))
  expect(topology.functions).toMatchObject([
    { vendorId: 0x1b36, capabilities: [], capabilitiesKnown: 'nothing' },
  ])
  expect(topology.faults).toMatchObject([{ code: 'config-truncated', bdf: '0000:00:02.0' }])
})

test.each([
  [{ vendor: 'x' }, 'vendor'],
  [{ vendor: '0x12345' }, 'vendor'],
  [{ class: '010802' }, 'class'],
  [{ class: 7 }, 'class'],
  [{ config: { hex: '123' } }, 'config'],
  [{ config: { hex: '00'.repeat(4097) } }, 'config'],
  [{ iommu_group: { link: '../kernel/iommu_groups/x' } }, 'iommu_group'],
])('malformed %j is a fault that names function and attribute, and the rest is read', (attrs, name) => {
  const topology = read(device({ driver: { link: '../nvme' }, ...attrs }))
  expect(topology.functions).toMatchObject([{ deviceId: 0x0010, driver: 'nvme' }])
  expect(topology.faults[0]).toMatchObject({
    code: 'sysfs-malformed',
    file: 'snap.json',
    bdf: '0000:00:02.0',
  })
  expect(topology.faults[0]?.message).toBe(`0000:00:02.0: ${name} is malformed`)
})

test('attributes that were not readable leave their fields unknown', () => {
  const topology = read(
    device({ config: { errno: 'EACCES' }, reset_method: { errno: 'EIO' }, resource: { errno: 'EIO' } }),
  )
  expect(topology.functions).toMatchObject([
    { resetMethods: undefined, bars: [], capabilitiesKnown: 'nothing' },
  ])
  expect(topology.faults).toEqual([])
})

test('an empty reset_method means that all were disabled', () => {
  expect(read(device({ reset_method: '' })).functions[0]?.resetMethods).toEqual([])
  expect(read(device({ reset_method: 'flr bus' })).functions[0]?.resetMethods).toEqual(['flr', 'bus'])
})

test('a device without attributes, or under a key that is no address, is reported', () => {
  const topology = read({ '0000:00:02.0': null, usb1: { attrs: {} }, '0000:00:03.0': { attrs: ATTRS } })
  expect(topology.functions.map((fn) => fn.bdf)).toEqual(['0000:00:02.0', '0000:00:03.0'])
  expect(topology.faults.map((fault) => fault.code)).toEqual([
    'sysfs-malformed',
    'sysfs-malformed',
    'identity-unknown',
  ])
})

test('slots: a placeholder holds its whole bus, a module names the driver, a bad address is a fault', () => {
  const slots = {
    a: { address: '0000:00' },
    b: { address: '0000:00:02', module: { link: '../../module/acpiphp' } },
    c: { address: 'nowhere' },
  }
  const topology = read(device({}), { slots })
  expect(topology.slots.map((slot) => [slot.name, slot.device, slot.driver, slot.functions.length])).toEqual([
    ['a', undefined, undefined, 1],
    ['b', 2, 'acpiphp', 1],
  ])
  expect(topology.functions[0]?.slot).toBe('b')
  expect(topology.faults).toMatchObject([{ code: 'sysfs-malformed', found: '"nowhere"' }])
})

test('text that is not JSON is a fault with its place', () => {
  const topology = sysfsSnapshotReader.read('{"devices": {\n  "x": oops}}', { file: 'snap.json' })
  expect(topology.faults).toMatchObject([{ code: 'json-syntax', file: 'snap.json', line: 2 }])
})

test.each(['[]', 'null', '{}', '{"devices": 3}', '{"devices": {}, "slots": []}'])(
  '%s gives faults only',
  (text) => {
    const topology = sysfsSnapshotReader.read(text, {})
    expect(topology.functions).toEqual([])
    expect(topology.faults).toMatchObject([{ severity: 'error', code: 'sysfs-malformed' }])
  },
)

test('any JSON in the place of a device: no exception, and the function is there', () => {
  const names = [
    'vendor',
    'class',
    'config',
    'resource',
    'driver',
    'iommu_group',
    'physfn',
    'reset_method',
    'hex',
    'link',
  ]
  const value = fc.oneof(
    fc.jsonValue(),
    fc.string(),
    fc.dictionary(fc.constantFrom(...names), fc.jsonValue()),
  )
  const attrs = fc.dictionary(fc.constantFrom(...names), value)
  fc.assert(
    fc.property(attrs, fc.jsonValue(), (given, realpath) => {
      expect(read({ '0000:00:02.0': { realpath, attrs: given } }).functions).toHaveLength(1)
    }),
  )
})

test('nesting without end in the place of anything is a fault', () => {
  const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`
  for (const text of [
    deep,
    `{"devices": ${deep}}`,
    `{"devices": {"0000:00:02.0": {"attrs": {"vendor": ${deep}}}}}`,
  ]) {
    expect(sysfsSnapshotReader.read(text, {}).faults[0]).toMatchObject({ found: 'a list' })
  }
})

test('attributes that nothing is concluded from are kept as text, and survive YAML and JSON', () => {
  const topology = fixture('multifn-7.2')
  const kept = topology.functions.map((fn) => fn.attributes)
  const again = (text: string) => yamlReader.read(text, {}).functions.map((fn) => fn.attributes)
  expect(again(writeYaml(topology))).toEqual(kept)
  expect(again(writeJson(topology))).toEqual(kept)
})
