import { fileURLToPath } from 'node:url'
import {
  Bdf,
  lspciDumpReader,
  type PciFunction,
  type Slot,
  type Topology,
  writeYaml,
  yamlReader,
} from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'
import fc from 'fast-check'
import { expect, test } from 'vitest'

function read(...lines: readonly string[]): Topology {
  return lspciDumpReader.read(lines.join('\n'), { file: 'bug.txt' })
}

function faults(topology: Topology): readonly string[] {
  return topology.faults.map((fault) => `${fault.line}:${fault.column} ${fault.code}`)
}

const ROW = '00: 86 80 c0 29 03 01 00 00 00 00 00 06 00 00 00 00'

function ids(topology: Topology): readonly string[] {
  return topology.functions.map((fn) => `${fn.bdf} ${fn.vendorId.toString(16)}:${fn.deviceId.toString(16)}`)
}

test('fact 7: what is no byte ends its row with a fault, not the import', () => {
  const topology = read('00:00.0 x', '00: 86 80 zz 29', '10: 01 02', '', '00:01.0 y', ROW)
  expect(topology.faults[0]).toMatchObject({
    code: 'dump-row-malformed',
    file: 'bug.txt',
    line: 2,
    column: 11,
    found: 'zz',
    bdf: '0000:00:00.0',
  })
  const [first, second] = topology.functions
  expect(first?.config.read16(0)).toBe(0x8086)
  expect(first?.config.has(2, 1)).toBe(false)
  expect(first?.config.read16(0x10)).toBe(0x0201)
  expect(second?.deviceId).toBe(0x29c0)
})

test('fact 8: bytes that no row gives are unknown, whatever lspci reads there', () => {
  const { config } = read('00:00.0 x', '00: 86 80 12', '40: 01 02').functions[0]!
  expect(config.sizeBytes).toBe(0x42)
  expect(config.holes).toEqual([{ start: 3, end: 0x40 }])
  expect(config.read16(0x40)).toBe(0x0201)
})

test('fact 9: an offset beyond configuration space is a fault at its line', () => {
  const topology = read('00:00.0 x', ROW, '1000: 00', 'ff8: 01 02 03 04 05 06 07 08 09')
  expect(faults(topology).slice(0, 2)).toEqual(['3:7 dump-offset-beyond', '4:30 dump-offset-beyond'])
  expect(topology.functions[0]?.config.read8(0xfff)).toBe(8)
})

test('fact 10: an address alone on its line starts a function here', () => {
  expect(ids(read('00:00.0', ROW))).toEqual(['0000:00:00.0 8086:29c0'])
})

test('fact 11: lines that are no rows are passed, before, between and after', () => {
  const topology = read(
    'Hello list,',
    ROW,
    '',
    '00:00.0 Host bridge',
    '\tFlags: bus master',
    ROW,
    '',
    'thanks',
    ROW,
  )
  expect(ids(topology)).toEqual(['0000:00:00.0 8086:29c0'])
  expect(topology.functions[0]?.config.sizeBytes).toBe(16)
})

test('fact 12: domains of five digits, CRLF, long lines and a missing last newline', () => {
  expect(ids(read('10000:e0:00.0 x\r', `${ROW}\r`))).toEqual(['10000:e0:00.0 8086:29c0'])
  expect(ids(read(`00:00.0 ${'x'.repeat(400)}`, ROW))).toEqual(['0000:00:00.0 8086:29c0'])
})

test('fact 12: quoted text is read; the same address twice is one function, the longer one', () => {
  expect(ids(read('> 00:00.0 x', `> ${ROW}`))).toEqual(['0000:00:00.0 8086:29c0'])
  expect(ids(read('> > 00:00.0 x', `> > ${ROW}`))).toEqual(['0000:00:00.0 8086:29c0'])
  const twice = read('00:00.0 x', '00: 01 00', '', '00:00.0 x', ROW, '', '00:00.0 x', '00: 02 00')
  expect(ids(twice)).toEqual(['0000:00:00.0 8086:29c0'])
  expect(twice.faults.map((fault) => fault.code)).toContain('duplicate-function')
  expect(read('00:00.a x', ROW).functions).toEqual([])
})

test('blank lines between the rows, and fences around them, do no harm', () => {
  const rows = [ROW, '10: 00 00 00 00', '14: 01']
  const topology = read('```', '00:00.0 x', '', rows[0]!, '', rows[1]!, '', rows[2]!, '```')
  expect(topology.functions[0]?.config.sizeBytes).toBe(0x15)
  expect(topology.functions[0]?.config.holes).toEqual([])
})

test('numbers in the first line count where the bytes have none', () => {
  const line = '01:10.0 Ethernet controller [0200]: Intel [X] Virtual [8086:10ca] (rev 01) (prog-if 00 [x])'
  expect(read(line).functions[0]).toMatchObject({
    vendorId: 0x8086,
    deviceId: 0x10ca,
    classCode: 0x020000,
    revision: 1,
  })
  expect(read('00:1f.2 0106: 8086:2922 (rev 02) (prog-if 01)').functions[0]).toMatchObject({
    classCode: 0x010601,
    deviceId: 0x2922,
    revision: 2,
  })
  expect(read(line, ROW).functions[0]).toMatchObject({ deviceId: 0x29c0 })
})

test('verbose lines give sizes, driver, group and slot; those of a capability are not BARs', () => {
  const fn = read(
    '01:00.0 VGA [0300]: A [10de:2684]',
    '\tPhysical Slot: 7-1',
    '\tIOMMU group: 14',
    '\tRegion 0: Memory at <unassigned> (32-bit, non-prefetchable) [size=16M]',
    '\tRegion 1: Memory at 38000000000 (64-bit, prefetchable) [size=16G]',
    '\tRegion 5: I/O ports at e000 [disabled] [size=128]',
    '\tExpansion ROM at f7000000 [disabled] [size=512K]',
    '\tCapabilities: [160 v1] Single Root I/O Virtualization (SR-IOV)',
    '\t\tRegion 3: Memory at 00000000fea20000 (64-bit, prefetchable)',
    '\tKernel driver in use: vfio-pci',
  ).functions[0]!
  expect(fn).toMatchObject({ driver: 'vfio-pci', iommuGroup: 14, slot: '7-1' })
  expect(fn.bars.map((bar) => [bar.index, bar.kind, bar.width, bar.address, bar.sizeBytes])).toEqual([
    [0, 'memory', 32, 0n, 16 * 2 ** 20],
    [1, 'memory', 64, 0x38000000000n, 16 * 2 ** 30],
    [5, 'io', 32, 0xe000n, 128],
    ['rom', 'memory', 32, 0xf7000000n, 512 * 1024],
  ])
})

/** What a dump can say too: it holds neither reset methods nor attributes. */
function plain(fn: PciFunction): unknown {
  const { resetMethods: _, attributes: __, vfBars, config, ...rest } = fn
  return {
    ...rest,
    vfBars: vfBars.map((bar) => bar.address),
    config: Buffer.from(config.bytes).toString('hex'),
  }
}

const fixture = (name: string): string => fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url))

const slots = (list: readonly Slot[]): readonly unknown[] =>
  list.map(({ functions, ...slot }) => ({ ...slot, functions: functions.map((fn) => fn.bdf) }))

test.each(['sriov-7.2', 'multifn-7.2'])(
  'a real machine, %s, is the same from its dump as from sysfs, and through YAML',
  (name) => {
    const dump = readTopologyFile(fixture(`${name}.lspci.gz`))
    const sysfs = readTopologyFile(fixture(`${name}.json.gz`))
    expect(dump.faults).toEqual([])
    expect(dump.functions.map(plain)).toEqual(sysfs.functions.map(plain))
    expect(dump.bridges).toEqual(sysfs.bridges)
    const buses = (topology: Topology): readonly unknown[] =>
      topology.buses.map((bus) => ({ ...bus, functions: bus.functions.map((fn) => fn.bdf) }))
    expect(buses(dump)).toEqual(buses(sysfs))
    const occupied = sysfs.slots.filter((slot) => slot.functions.length > 0)
    expect(slots(dump.slots)).toEqual(slots(occupied))
    const again = yamlReader.read(writeYaml(dump), {})
    expect(again.functions).toEqual(dump.functions)
    expect(again.bridges).toEqual(dump.bridges)
    expect(buses(again)).toEqual(buses(dump))
  },
)

test('a virtual function of a dump knows its physical one', () => {
  const dump = readTopologyFile(fixture('sriov-7.2.lspci.gz'))
  expect(dump.function(Bdf.parse('01:10.2'))?.physfn).toBe('0000:01:00.0')
})

test('without verbose lines a virtual function still finds its physical one', () => {
  const bytes = (fn: PciFunction): readonly string[] => {
    const rows = Array.from({ length: fn.config.sizeBytes / 16 }, (_, row) => {
      const hex = [...fn.config.bytes.subarray(16 * row, 16 * row + 16)].map((byte) =>
        byte.toString(16).padStart(2, '0'),
      )
      return `${(16 * row).toString(16).padStart(2, '0')}: ${hex.join(' ')}`
    })
    return [`${fn.bdf} x`, ...rows, '']
  }
  const sysfs = readTopologyFile(fixture('sriov-7.2.json.gz'))
  const topology = read(...sysfs.functions.flatMap(bytes))
  const virtual = topology.function(Bdf.parse('02:10.2'))!
  expect(virtual).toMatchObject({
    vendorId: 0x8086,
    deviceId: 0x10ca,
    physfn: '0000:02:00.0',
    multifunction: false,
  })
  expect(topology.faults).toEqual([])
})

test('any damage to a real dump: no exception, and no address is lost', { timeout: 120_000 }, () => {
  const whole = readTopologyFile(fixture('sriov-7.2.json.gz'))
  const base = whole.functions.slice(1, 8).flatMap((fn) => {
    const hex = [...fn.config.bytes.subarray(0, 256)].map((byte) => byte.toString(16).padStart(2, '0'))
    const rows = Array.from({ length: 16 }, (_, row) => {
      return `${(16 * row).toString(16).padStart(2, '0')}: ${hex.slice(16 * row, 16 * row + 16).join(' ')}`
    })
    return [`${fn.bdf} x`, ...rows, '']
  })
  const line = fc.oneof(
    fc.string(),
    fc.constantFrom('', '00: ff', '34: 34', '19: 01 01', '40: 10 40', '1000: 00', '> '),
  )
  const edit = fc.record({ at: fc.nat(base.length - 1), line, replace: fc.boolean() })
  fc.assert(
    fc.property(fc.array(edit, { maxLength: 12 }), (edits) => {
      const lines = [...base]
      for (const { at, line: text, replace } of edits) lines.splice(at, replace ? 1 : 0, text)
      const topology = read(...lines)
      const addresses = lines
        .join('\n')
        .split('\n')
        .flatMap((text) => {
          const bdf = Bdf.tryParse(text.trim().split(/\s/)[0] ?? '')
          return bdf === undefined ? [] : [bdf]
        })
      expect(new Set(topology.functions.map((fn) => fn.bdf))).toEqual(new Set(addresses))
    }),
    { numRuns: 1000 },
  )
})

test('the format is recognised by an address and a row, and not from less', () => {
  expect(lspciDumpReader.recognises(`> 00:00.0 x\n> ${ROW}`)).toBe(true)
  expect(lspciDumpReader.recognises('00:00.0 Host bridge')).toBe(false)
  expect(lspciDumpReader.recognises('vfiokit: topology/1')).toBe(false)
})
