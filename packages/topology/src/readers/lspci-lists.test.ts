import { fileURLToPath } from 'node:url'
import {
  Bdf,
  BUILTIN_READERS,
  lspciListReader,
  lspciMachineReader,
  lspciRecordsReader,
  type PciFunction,
  type Topology,
  type TopologyReader,
  TopologyReaders,
} from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'
import { expect, test } from 'vitest'

const readers = new TopologyReaders(BUILTIN_READERS)

function read(reader: TopologyReader, ...lines: readonly string[]): Topology {
  return reader.read(lines.join('\n'), { file: 'list.txt' })
}

function faults(topology: Topology): readonly string[] {
  return topology.faults.map((fault) => `${fault.line}:${fault.column} ${fault.code} ${fault.bdf ?? '-'}`)
}

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))
const identity = ({ bdf, vendorId, deviceId, classCode, revision }: PciFunction): unknown =>
  [bdf, vendorId, deviceId, classCode, revision].join(' ')
/** -nn leaves out the programming interface unless it has to be told. */
const coarse = (fn: PciFunction): unknown => identity({ ...fn, classCode: fn.classCode >>> 8 })

test('one machine in three lists: the same functions, ids, subsystems and drivers', () => {
  const [records, machine, list] = ['vmmnnk', 'mmnn', 'nnk'].map((form) =>
    readTopologyFile(fixture(`switches.lspci-${form}.gz`)),
  ) as [Topology, Topology, Topology]
  expect(records.functions).toHaveLength(24)
  expect(machine.functions.map(identity)).toEqual(records.functions.map(identity))
  expect(list.functions.map(coarse)).toEqual(records.functions.map(coarse))
  expect(machine.functions.map((fn) => fn.subsystem)).toEqual(records.functions.map((fn) => fn.subsystem))
  expect(list.functions.map((fn) => fn.subsystem)).toEqual(records.functions.map((fn) => fn.subsystem))
  expect(list.functions.map((fn) => fn.driver)).toEqual(records.functions.map((fn) => fn.driver))
  expect(records.function(Bdf.parse('06:00.0'))).toMatchObject({ classCode: 0x020000, iommuGroup: 10 })
  const codes = new Set([records, machine, list].flatMap(({ faults }) => faults.map((fault) => fault.code)))
  expect([...codes]).toEqual(['bridge-without-bus-numbers'])
})

const RECORD = ['Slot:\t01:00.0', 'Class:\tVGA [0300]', 'Vendor:\tA [10de]', 'Device:\tAD [RTX] [2684]']

test('a record of -vmm: what it says is there, unknown tags are passed', () => {
  const topology = read(
    lspciRecordsReader,
    ...RECORD,
    'SVendor:\tB [1043]',
    'SDevice:\tDevice [88e2]',
    'PhySlot:\t7-1',
    'Rev:\ta1',
    'ProgIf:\t02',
    'Driver:\tvfio-pci',
    'Module:\tnouveau',
    'NUMANode:\t0',
    'IOMMUGroup:\t14',
    'Novelty:\tyes',
  )
  expect(topology.faults).toEqual([])
  expect(topology.functions).toMatchObject([
    {
      bdf: '0000:01:00.0',
      vendorId: 0x10de,
      deviceId: 0x2684,
      classCode: 0x030002,
      revision: 0xa1,
      subsystem: { vendorId: 0x1043, deviceId: 0x88e2 },
      driver: 'vfio-pci',
      iommuGroup: 14,
      slot: '7-1',
    },
  ])
})

test('records of -vm, of -n, quoted, with CRLF and without blank lines between them', () => {
  const old = read(lspciRecordsReader, ...RECORD.map((line) => `> ${line.replace('Slot', 'Device')}\r`))
  expect(old.functions.map(identity)).toEqual(['0000:01:00.0 4318 9860 196608 0'])
  const numbers = ['Class:\t0300', 'Vendor:\t10de', 'Device:\t2684']
  const two = read(lspciRecordsReader, RECORD[0]!, ...numbers, 'Slot:\t10000:e0:00.0', ...numbers)
  expect(two.functions.map((fn) => `${fn.bdf} ${fn.deviceId}`)).toEqual([
    '0000:01:00.0 9860',
    '10000:e0:00.0 9860',
  ])
  expect(two.faults).toEqual([])
})

test('defects of records: each with its place, and the rest is read', () => {
  const topology = read(
    lspciRecordsReader,
    ...RECORD,
    'Rev:\tzz',
    'IOMMUGroup:\tnone',
    'Rev:\t01',
    '',
    'Slot:\t01:20.0',
    'Class:\tx',
    '',
    'Class:\ty',
    'Vendor:\tz',
    '',
    ...RECORD.map((line) => line.replace('01:', '02:')),
  )
  expect(faults(topology)).toEqual([
    '7:6 duplicate-field 0000:01:00.0',
    '9:7 record-without-address -',
    '12:8 record-without-address -',
    '5:6 list-field-malformed 0000:01:00.0',
    '6:13 list-field-malformed 0000:01:00.0',
  ])
  expect(topology.functions.map((fn) => fn.deviceId)).toEqual([0x2684, 0x2684])
})

test('a line of -mm: backslashes, options in any place, empty subsystem', () => {
  const topology = read(
    lspciMachineReader,
    String.raw`00:1f.2 "SATA [0106]" "Intel \"I\" [8086]" "ICH9 \\ [AHCI] [2922]" -r02 -p01 "Red Hat [1af4]" "QEMU [1100]"`,
    '10000:e0:00.0 "0604" "8086" "2030" -r04 "" ""',
  )
  expect(topology.functions.map(identity)).toEqual([
    '0000:00:1f.2 32902 10530 67073 2',
    '10000:e0:00.0 32902 8240 394240 4',
  ])
  expect(topology.functions.map((fn) => fn.subsystem)).toEqual([
    { vendorId: 0x1af4, deviceId: 0x1100 },
    undefined,
  ])
})

test('defects of -mm lines: each with its place, and the function is there', () => {
  const topology = read(
    lspciMachineReader,
    '00:01.0 "0604" "8086" "2030',
    '00:02.0 "0604" "8086"',
    '00:03.0 "0604" "8086" "2030" -rzz "" "" "more"',
    '00:04.0 "0604" "8086" "2030" "" ""',
  )
  expect(topology.functions).toHaveLength(4)
  expect(faults(topology).slice(0, 5)).toEqual([
    '1:23 list-line-malformed 0000:00:01.0',
    '2:22 list-line-short 0000:00:02.0',
    '3:41 list-line-malformed 0000:00:03.0',
    '3:32 list-field-malformed 0000:00:03.0',
    '1:1 ids-not-printed 0000:00:01.0',
  ])
})

test.each([
  ['-nn', lspciListReader, ['00:00.0 Host bridge: Intel [X] Q35', '00:1f.3 SMBus: Intel ICH9 (rev 02)']],
  ['-mmnn', lspciMachineReader, ['00:00.0 "Host bridge" "Intel" "Q35"', '00:1f.3 "SMBus" "Intel" "ICH9"']],
  [
    '-vmmnn',
    lspciRecordsReader,
    ['Slot:\t00:00.0\nClass:\tHost bridge\nVendor:\tI\nDevice:\tQ\n', 'Slot:\t00:1f.3\nClass:\tSMBus'],
  ],
])('names without ids: one fault that asks for %s, and every function is there', (option, reader, lines) => {
  const topology = read(reader, ...lines)
  expect(topology.functions.map((fn) => `${fn.bdf} ${fn.vendorId.toString(16)}`)).toEqual([
    '0000:00:00.0 ffff',
    '0000:00:1f.3 ffff',
  ])
  expect(topology.faults).toMatchObject([
    { code: 'ids-not-printed', expected: `the output of lspci ${option}`, line: 1 },
  ])
  expect(topology.faults[0]?.message).toMatch(/^2 functions, from 0000:00:00.0 on, are/)
})

test('the verbose text of a bug report has the tree, with names alone', () => {
  const topology = read(
    lspciListReader,
    '00:01.0 PCI bridge: Intel Corporation Root Port (rev 07) (prog-if 00 [Normal decode])',
    '\tBus: primary=00, secondary=01, subordinate=01, sec-latency=0',
    '\tKernel driver in use: pcieport',
    '',
    '01:00.0 VGA compatible controller: NVIDIA AD102',
    '\tIOMMU group: 14',
    '\tRegion 1: Memory at 38000000000 (64-bit, prefetchable) [size=16G]',
  )
  expect(topology.faults.map((fault) => fault.code)).toEqual(['ids-not-printed'])
  expect(topology.functions).toMatchObject([
    { headerType: 1, driver: 'pcieport' },
    { parent: '0000:00:01.0', iommuGroup: 14, bars: [{ index: 1, sizeBytes: 16 * 2 ** 30 }] },
  ])
})

test.each([
  ['lspci-list', '00:00.0 Host bridge: Intel Q35'],
  ['lspci-list', '> 0000:00:1f.2 0106: 8086:2922 (rev 02)'],
  ['lspci-mm', '00:00.0 "Host bridge" "Intel" "Q35" "" ""'],
  ['lspci-vmm', 'Slot:\t00:00.0\nClass:\tHost bridge'],
  ['lspci-dump', '00:00.0 Host bridge: Intel Q35\n00: 86 80 c0 29'],
  ['lspci-dump', '00:00.0 "Host bridge" "Intel" "Q35" "" ""\n00: 86 80 c0 29'],
  [undefined, '00:00.0 Host bridge'],
  [undefined, 'the card in 01:00.0 is mine: look'],
  [undefined, 'Slot: 3\nDevice: 8086'],
  [undefined, '10:30:00.1 lunch'],
])('%s is what %j is recognised as', (format, text) => {
  expect(readers.recognise(text)?.format).toBe(format)
})
