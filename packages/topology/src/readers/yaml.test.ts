import { fileURLToPath } from 'node:url'
import {
  Bdf,
  ConfigComposer,
  ConfigSpace,
  type FunctionInput,
  findCapability,
  type PciFunction,
  resetDomain,
  type Topology,
  TopologyBuilder,
  writeYaml,
  yamlReader,
} from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'
import fc from 'fast-check'
import { expect, test } from 'vitest'

function read(text: string): Topology {
  return yamlReader.read(text, { file: 'machine.yaml' })
}

function faults(text: string): readonly string[] {
  return read(text).faults.map((fault) => `${fault.line}:${fault.column} ${fault.code}: ${fault.message}`)
}

const SMALL = `
vfiokit: topology/1
functions:
  - bdf: '00:01.0'
    id: '1b36:000c'
    class: '060400'
    bridge: {secondary: 1, subordinate: 1, memory: {base: 0xfe400000, limit: 0xfe5fffff}}
    capabilities:
      - {id: pci-express, fields: {type: root-port, slotImplemented: true, hotplugCapable: true}}
      - {id: access-control-services, fields: {sourceValidation: true}}
  - bdf: '01:00.0'
    id: '1b36:0010'
    class: '010802'
    driver: nvme
    iommuGroup: 6
    resetMethods: [flr, pm]
    bars: [{index: 0, kind: memory, width: 64, address: 0xfe400000, size: 16K}]
    capabilities:
      - {id: 0x01, fields: {noSoftReset: true}}
      - {id: msi-x, data: '0700 00000000 00080000'}
  - {bdf: '01:00.1', id: '8086:10d3', class: '020000'}
slots:
  - {name: '7', address: '0000:01:00'}
`

test('a small machine written by hand', () => {
  const topology = read(SMALL)
  expect(topology.faults).toEqual([])
  const nvme = topology.function(Bdf.parse('01:00.0'))!
  expect(nvme).toMatchObject({
    vendorId: 0x1b36,
    deviceId: 0x0010,
    classCode: 0x010802,
    parent: '0000:00:01.0',
    slot: '7',
    driver: 'nvme',
    iommuGroup: 6,
    resetMethods: ['flr', 'pm'],
    bars: [{ index: 0, width: 64, address: 0xfe400000n, sizeBytes: 16384 }],
    capabilitiesKnown: 'all',
  })
  expect(nvme.config.read16(0)).toBe(0x1b36)
  expect(nvme.config.read32(0x10)).toBe(0xfe400004)
  expect(findCapability(nvme, 0x11)).toMatchObject({ name: 'msi-x', offset: 0x48 })
  expect(topology.function(Bdf.parse('00:01.0'))?.pcie).toMatchObject({
    type: 'root-port',
    hotplugCapable: true,
  })
  expect(topology.bridges[0]?.windows.memory).toEqual({ base: 0xfe400000n, limit: 0xfe5fffffn })
  expect(topology.slots).toMatchObject([{ driver: 'pciehp', resettable: true }])
  expect(resetDomain(topology, nvme.bdf).hot?.functions).toEqual(['0000:01:00.0', '0000:01:00.1'])
})

test('a function without a list of capabilities has unknown ones', () => {
  const fn = read(SMALL).function(Bdf.parse('01:00.1'))!
  expect(fn.config.sizeBytes).toBe(0)
  expect(findCapability(fn, 0x10)).toBe('unknown')
})

test('every defect of a file, with its place, and the rest is read', () => {
  const text = `vfiokit: topology/1
functions:
  - {bdf: '00:01.0', id: '8086:0001', clas: '020000'}
  - {bdf: '00:20.0', id: '8086:0001'}
  - bdf: '00:02.0'
    id: 8086
    class: 020000
    bars: [{index: 6, kind: memory}, {index: 0, kind: mem, size: 3 KB}]
  - {bdf: '00:03.0', id: '8086:0003', parent: 'up'}
  - just text
slots:
  - {name: 1, address: '00:1'}
extra: 1
`
  expect(faults(text)).toEqual([
    "13:1 unknown-key: unknown key 'extra'",
    "3:39 unknown-key: unknown key 'clas': did you mean 'class'?",
    "4:11 wrong-value: 'functions[1].bdf' is wrong",
    "6:9 wrong-value: 'functions[2].id' is wrong",
    "7:12 wrong-value: 'functions[2].class' is wrong",
    "8:20 wrong-value: 'functions[2].bars[0].index' is wrong",
    "8:55 wrong-value: 'functions[2].bars[1].kind' is wrong",
    "8:66 wrong-value: 'functions[2].bars[1].size' is wrong",
    "9:47 wrong-value: 'functions[3].parent' is wrong",
    "10:5 wrong-value: 'functions[4]' is wrong",
    "12:12 wrong-value: 'slots[0].name' is wrong",
    "12:24 wrong-value: 'slots[0].address' is wrong",
    '5:10 identity-unknown: 0000:00:02.0: neither ids nor configuration space are known',
  ])
  const topology = read(text)
  expect(topology.functions.map((fn) => fn.bdf)).toEqual(['0000:00:01.0', '0000:00:02.0', '0000:00:03.0'])
  expect(topology.faults[1]).toMatchObject({ file: 'machine.yaml', found: 'clas' })
})

test('what a composed capability cannot be is a diagnostic at its place', () => {
  const head = `vfiokit: topology/1\nfunctions:\n  - bdf: '00:01.0'\n    id: '8086:0001'\n`
  const one = (capability: string): readonly string[] =>
    faults(`${head}    capabilities:\n      - ${capability}\n`)
  expect(one('{id: pci-expres}')).toEqual(["6:14 wrong-value: no capability is called 'pci-expres'"])
  expect(one('{id: pci-express, fields: {typ: root-port}}')).toEqual([
    "6:9 wrong-value: capability 16 has no field 'typ'",
  ])
  expect(one('{id: pci-express, fields: {type: side-port}}')).toEqual([
    "6:9 wrong-value: capability 16 cannot hold that value in 'type'",
  ])
  expect(one('{id: 5, offset: 0x20}')).toEqual(['6:9 wrong-value: capability 5 does not fit at 32'])
  expect(faults(`${head}    config: '8680'\n    capabilities: []\n`)[0]).toMatch(/^6:19 wrong-value: either/)
  expect(faults(`${head}    config: '868'\n`)).toEqual(["5:13 wrong-value: 'functions[0].config' is wrong"])
  expect(faults(`${head}    config: {known: 16, rows: {'10': '00'}}\n`)[0]).toMatch(
    /^5:38 wrong-value: row ends/,
  )
})

test.each([
  '',
  '[]',
  '- 1',
  'vfiokit: topology/2',
  'vfiokit: topology/1',
  'vfiokit: topology/1\nfunctions: 3',
  '{',
  '\0',
  '&a [*a]',
])('junk %j gives faults and an empty topology', (text) => {
  const topology = read(text)
  expect(topology.functions).toEqual([])
  expect(topology.faults.some((fault) => fault.severity === 'error')).toBe(true)
})

test('a format is recognised by its first key, and only that', () => {
  expect(yamlReader.recognises('# a machine\nvfiokit: topology/1\n')).toBe(true)
  expect(yamlReader.recognises("vfiokit: 'topology/1'\n")).toBe(true)
  expect(yamlReader.recognises('vfiokit: host/1\n')).toBe(false)
  expect(yamlReader.recognises('{"devices": {}}')).toBe(false)
})

/** Everything of a topology but its faults, as plain data. */
function plain(topology: Topology): unknown {
  const one = (fn: PciFunction): unknown => ({
    ...fn,
    config: [Buffer.from(fn.config.bytes).toString('hex'), fn.config.holes],
  })
  const { functions, buses, slots, bridges } = topology
  const names = (list: readonly PciFunction[]): readonly Bdf[] => list.map((fn) => fn.bdf)
  return {
    functions: functions.map(one),
    buses: buses.map((bus) => ({ ...bus, functions: names(bus.functions) })),
    slots: slots.map((slot) => ({ ...slot, functions: names(slot.functions) })),
    bridges,
  }
}

test.each(['multifn-7.2', 'sriov-7.2'])('a real machine, %s, survives writing and reading', (name) => {
  const path = fileURLToPath(new URL(`../fixtures/${name}.json.gz`, import.meta.url))
  const topology = readTopologyFile(path)
  const again = read(writeYaml(topology))
  expect(again.faults).toEqual([])
  expect(plain(again)).toEqual(plain(topology))
})

const bdf = fc
  .record({ domain: fc.constantFrom(0, 0x10000), bus: fc.nat(4), device: fc.nat(2), function: fc.nat(1) })
  .map(Bdf.of)
const id16 = fc.nat(0xffff)
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const maybe = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined })
const window = fc.tuple(uint64, uint64).map(([base, limit]) => ({ base, limit }))

const anyConfig = fc
  .tuple(
    fc.constantFrom(0, 3, 64, 100, 256, 4096),
    fc.uint8Array({ minLength: 0, maxLength: 64 }),
    maybe(fc.nat(60)),
  )
  .map(([size, head, hole]) => {
    const bytes = new Uint8Array(size)
    bytes.set(head.subarray(0, size))
    const start = hole === undefined || hole >= size ? undefined : hole
    if (start !== undefined) bytes[start] = 0xff
    return new ConfigSpace(bytes, start === undefined ? [] : [{ start, end: start + 1 }])
  })

const bar = fc.record(
  {
    index: fc.constantFrom(0, 1, 2, 3, 4, 5, 'rom' as const),
    kind: fc.constantFrom('io' as const, 'memory' as const),
    width: fc.constantFrom(32 as const, 64 as const),
    prefetchable: fc.boolean(),
    address: uint64,
    sizeBytes: maybe(fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    below1M: fc.constant(true as const),
    romEnabled: fc.boolean(),
  },
  { requiredKeys: ['index', 'kind', 'width', 'prefetchable', 'address', 'sizeBytes'] },
)

const anyFunction: fc.Arbitrary<FunctionInput> = fc.record({
  bdf,
  vendorId: maybe(id16),
  deviceId: maybe(id16),
  classCode: maybe(fc.oneof(fc.constantFrom(0x060400, 0x060700), fc.nat(0xffffff))),
  revision: maybe(fc.nat(255)),
  subsystem: maybe(fc.record({ vendorId: id16, deviceId: id16 })),
  multifunction: maybe(fc.boolean()),
  config: maybe(anyConfig),
  configSizeBytes: maybe(fc.constantFrom(256 as const, 4096 as const)),
  bars: maybe(fc.array(bar as fc.Arbitrary<never>, { maxLength: 3 })),
  vfBars: maybe(fc.array(bar as fc.Arbitrary<never>, { maxLength: 2 })),
  busNumbers: maybe(fc.record({ primary: fc.nat(255), secondary: fc.nat(8), subordinate: fc.nat(8) })),
  windows: maybe(fc.record({ io: maybe(window), memory: maybe(window), prefetchable: maybe(window) })),
  parent: fc.option(bdf, { nil: null }).chain((parent) => fc.constantFrom(parent, undefined)),
  driver: maybe(fc.string({ unit: 'binary' })),
  iommuGroup: maybe(fc.nat(0x7fffffff)),
  resetMethods: maybe(fc.array(fc.string(), { maxLength: 3 })),
  physfn: maybe(bdf),
})

const anySlot = fc.record({
  name: fc.string(),
  domain: fc.constantFrom(0, 0x10000),
  bus: fc.nat(4),
  device: maybe(fc.nat(2)),
  driver: maybe(fc.constantFrom('pciehp', 'acpiphp', 'x: y')),
})

test('any topology: what is written reads back as it was', { timeout: 60_000 }, () => {
  fc.assert(
    fc.property(
      fc.array(anyFunction, { maxLength: 8 }),
      fc.array(anySlot, { maxLength: 3 }),
      (inputs, slots) => {
        const builder = new TopologyBuilder()
        for (const input of inputs) builder.addFunction(input)
        for (const slot of slots) builder.addSlot(slot)
        const topology = builder.finish()
        expect(plain(read(writeYaml(topology)))).toEqual(plain(topology))
      },
    ),
    { numRuns: 150 },
  )
})

test('a composed function says in its bytes what its description says', () => {
  const config = new ConfigComposer(4096, { vendorId: 1, deviceId: 2 })
    .capability({ id: 0x10, fields: { type: 'endpoint' } })
    .capability({ id: 0x0d, extended: true, fields: { requestRedirect: true } })
    .capability({ id: 0x0e, extended: true, offset: 0x200 })
    .compose()
  const topology = new TopologyBuilder().addFunction({ bdf: Bdf.parse('00:01.0'), config }).finish()
  expect(
    topology.functions[0]?.capabilities.map((entry) => `${entry.name}@${entry.offset.toString(16)}`),
  ).toEqual(['pci-express@40', 'access-control-services@100', 'alternative-routing-id@200'])
})
