import { fileURLToPath } from 'node:url'
import { Bdf, formatDiagnostic, hwlocXmlReader, type PciFunction, type Topology } from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'
import { expect, test } from 'vitest'

function read(...lines: readonly string[]): Topology {
  return hwlocXmlReader.read(lines.join('\n'), { file: 'machine.xml' })
}

function faults(topology: Topology): readonly string[] {
  return topology.faults.map((fault) => `${fault.line}:${fault.column} ${fault.code} ${fault.bdf ?? '-'}`)
}

const DEVICE = '<object type="PCIDev" pci_busid="0000:01:00.0" pci_type="0300 [10de:2684] [1043:88e2] a1"'
const PORT =
  '<object type="Bridge" bridge_type="1-1" bridge_pci="0000:[01-02]" pci_busid="0000:00:01.0" pci_type="0604 [8086:2030] [0000:0000] 04"'

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

test('a machine that hwloc 2.9 wrote is the one that lspci listed on it', () => {
  const hwloc = readTopologyFile(fixture('switches.hwloc-2.9.xml.gz'))
  const lspci = readTopologyFile(fixture('switches.lspci-vmmnnk.gz'))
  const plain = (fn: PciFunction): unknown => {
    const { bdf, vendorId, deviceId, classCode, revision, subsystem } = fn
    // hwloc 2 does not say the programming interface.
    return { bdf, vendorId, deviceId, kind: classCode >>> 8, revision, subsystem }
  }
  expect(hwloc.faults).toEqual([])
  expect(hwloc.functions.map(plain)).toEqual(lspci.functions.map(plain))
  expect(hwloc.bridges).toHaveLength(11)
  expect(hwloc.function(Bdf.parse('06:00.0'))?.parent).toBe('0000:02:0c.0')
  expect(hwloc.function(Bdf.parse('02:0c.0'))?.parent).toBe('0000:01:00.0')
  expect(hwloc.function(Bdf.parse('00:01.0'))?.parent).toBeUndefined()
})

test('drivers, slots and, of version 3, the programming interface; what is below belongs to others', () => {
  const topology = read(
    '<topology version="3.0">',
    '<object type="Bridge" bridge_type="0-1" bridge_pci="0000:[00-02]">',
    `${PORT}>`,
    `${DEVICE.replace(' a1"', ' a1 02"')} pci_link_speed="31.507692">`,
    '<info name="PCISlot" value="7"/><info name="LinuxDriver" value="nvidia &amp; co"/>',
    '<object type="OSDev" name="card0"><info name="LinuxDriver" value="other"/></object>',
    '</object></object></object>',
    '<pci_locality domain="0000" bus_min="00" bus_max="ff" cpuset="0x3"/></topology>',
  )
  expect(topology.faults).toEqual([])
  expect(topology.functions).toMatchObject([
    { bdf: '0000:00:01.0', headerType: 1, subsystem: undefined, revision: 4 },
    {
      bdf: '0000:01:00.0',
      parent: '0000:00:01.0',
      classCode: 0x030002,
      subsystem: { vendorId: 0x1043, deviceId: 0x88e2 },
      driver: 'nvidia & co',
      slot: '7',
    },
  ])
  expect(topology.bridges).toMatchObject([{ primary: 0, secondary: 1, subordinate: 2 }])
})

test('defects of attributes: each with its place, and what has an address is there', () => {
  const topology = read(
    '<topology>',
    `  ${DEVICE.replace('01:00.0', '01:00.9')}/>`,
    '  <object type="PCIDev"/>',
    `  ${DEVICE.replace('[10de', '[10dg')}/>`,
    `  ${PORT.replace('[01-02]', '01-02')}/>`,
    '</topology>',
  )
  expect(faults(topology)).toEqual([
    '2:3 hwloc-address -',
    '3:3 hwloc-address -',
    '4:3 hwloc-attribute 0000:01:00.0',
    '5:3 hwloc-attribute 0000:00:01.0',
    '4:3 identity-unknown 0000:01:00.0',
    '5:3 bridge-without-bus-numbers 0000:00:01.0',
  ])
  expect(formatDiagnostic(topology.faults[3]!)).toBe(
    'machine.xml:5:3: error: 0000:00:01.0: bridge_pci is left out' +
      ' (expected domain:[secondary-subordinate], found 0000:01-02) [hwloc-attribute]',
  )
})

test('text where only elements belong is a fault that names what was in it', () => {
  const topology = read(
    '<topology><userdata name="x">aGVsbG8=</userdata>',
    '<distances2><indexes length="2">0 1</indexes><u64values length="4">1 2 2 1</u64values></distances2>',
    `  ${DEVICE.replace('<object', '<object/>')}/>`,
    '</topology>',
  )
  expect(topology.faults).toMatchObject([
    { code: 'hwloc-stray-text', line: 3, column: 13, bdf: '0000:01:00.0' },
  ])
})

test('a document that breaks off is read as far as it goes', () => {
  const topology = read(
    '<topology>',
    `${PORT}>`,
    `${DEVICE}><info name="LinuxDriver" value="nvidia"/>`,
    '<obj',
  )
  expect(topology.functions).toMatchObject([
    { bdf: '0000:00:01.0' },
    { bdf: '0000:01:00.0', driver: 'nvidia' },
  ])
  expect(new Set(topology.faults.map((fault) => fault.code))).toEqual(new Set(['xml-syntax']))
  expect(topology.faults[0]).toMatchObject({ line: 4, column: 5, file: 'machine.xml' })
})

test('entities that make entities are not followed', () => {
  const laughs = Array.from({ length: 30 }, (_, n) => `<!ENTITY l${n + 1} "&l${n};&l${n};&l${n};">`)
  const topology = read(
    `<!DOCTYPE topology [<!ENTITY l0 "ha">${laughs.join('')}]>`,
    `<topology>${DEVICE}><info name="LinuxDriver" value="&l30;"/></object></topology>`,
  )
  expect(topology.functions).toMatchObject([{ driver: '&l30;' }])
  expect(topology.faults.map((fault) => fault.message)).toEqual(['not well-formed XML: undefined entity'])
})

test.each([
  ['depth without end', '<a>'.repeat(200_000), 'xml-too-deep'],
  ['closing what is not open', `<topology>${'</a>'.repeat(200_000)}`, 'xml-syntax'],
  ['an attribute without end', `<topology a="${'x'.repeat(1_000_000)}`, 'xml-syntax'],
  ['many attributes', `<topology ${'a="1" '.repeat(100_000)}/>`, 'xml-syntax'],
  ['no XML', 'hello', 'xml-syntax'],
  ['nothing', '', 'xml-syntax'],
  ['what XML has no place for', '<topology>\0\uffff\ud800</topology>', 'xml-syntax'],
])('%s ends in faults, soon', { timeout: 5000 }, (_name, text, code) => {
  const { functions, faults: found } = read(text)
  expect(functions).toEqual([])
  expect(found.map((fault) => fault.code)).toContain(code)
  expect(found.length).toBeLessThanOrEqual(40)
})

test.each([
  [true, '<?xml version="1.0"?>\n<!DOCTYPE topology SYSTEM "hwloc2.dtd">\n<topology version="2.0">'],
  [true, '<topology>'],
  [false, '<capabilities><host><topology sockets="1"/></host></capabilities>'],
  [false, 'vfiokit: topology/1'],
])('whether it is recognised, %s: %j', (expected, text) => {
  expect(hwlocXmlReader.recognises(text)).toBe(expected)
})
