import { fileURLToPath } from 'node:url'
import {
  Bdf,
  ConfigSpace,
  type FunctionInput,
  jsonReader,
  type PciFunction,
  type Topology,
  TopologyBuilder,
  writeJson,
  writeYaml,
  yamlReader,
} from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { anyMachine, at, machine } from '../fixtures/machines.ts'

function plain(topology: Topology): unknown {
  const one = (fn: PciFunction): unknown => ({
    ...fn,
    config: Buffer.from(fn.config.bytes).toString('hex'),
    holes: fn.config.holes,
  })
  const slots = topology.slots.map((slot) => ({ ...slot, functions: slot.functions.map((fn) => fn.bdf) }))
  return { functions: topology.functions.map(one), slots, bridges: topology.bridges }
}

const read = (text: string): Topology => jsonReader.read(text, { file: 'a.json' })

test.each(['sriov-7.2', 'multifn-7.2', 'convpci-7.2', 'endpoints-7.2'])('%s reads back as it was', (name) => {
  const topology = readTopologyFile(fileURLToPath(new URL(`../fixtures/${name}.json.gz`, import.meta.url)))
  const text = writeJson(topology)
  expect(jsonReader.recognises(text)).toBe(true)
  expect(JSON.parse(text)).toHaveProperty('vfiokit', 'topology/1')
  expect(read(text).faults).toEqual([])
  expect(plain(read(text))).toEqual(plain(topology))
})

const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })
const odd: fc.Arbitrary<Partial<FunctionInput>> = fc.record({
  driver: fc.option(fc.string({ unit: 'binary' }), { nil: undefined }),
  resetMethods: fc.option(fc.array(fc.string(), { maxLength: 2 }), { nil: undefined }),
  iommuGroup: fc.option(fc.nat(0x7fffffff), { nil: undefined }),
  windows: uint64.map((base) => ({ io: undefined, memory: { base, limit: base }, prefetchable: undefined })),
  bars: uint64.map((address) => [
    {
      index: 0 as const,
      kind: 'memory' as const,
      width: 64 as const,
      prefetchable: false,
      address,
      sizeBytes: 4096,
    },
    {
      index: 'rom' as const,
      kind: 'memory' as const,
      width: 32 as const,
      prefetchable: false,
      address: 0n,
      sizeBytes: undefined,
      romEnabled: true,
    },
  ]),
  config: fc.uint8Array({ minLength: 65, maxLength: 100 }).map(
    (bytes) =>
      new ConfigSpace(
        Uint8Array.from(bytes, (byte, at) => (at === 64 ? 0xff : byte)),
        [{ start: 64, end: 65 }],
      ),
  ),
})

test('odd texts, large numbers and holes read back as they were', () => {
  fc.assert(
    fc.property(odd, fc.string(), (input, name) => {
      const topology = new TopologyBuilder()
        .addFunction({ bdf: at(0, 1), vendorId: 1, deviceId: 2, classCode: 0x060400, ...input })
        .addSlot({ name, domain: 0x10000, bus: 3, driver: 'x: y' })
        .finish()
      expect(plain(read(writeJson(topology)))).toEqual(plain(topology))
    }),
  )
})

test('any machine is the same from JSON as from YAML', () => {
  fc.assert(
    fc.property(anyMachine, (topology) => {
      const fromJson = read(writeJson(topology))
      expect(writeYaml(fromJson)).toBe(writeYaml(topology))
      expect(plain(fromJson)).toEqual(plain(yamlReader.read(writeYaml(topology), {})))
    }),
    { numRuns: 30 },
  )
})

test('JSON that somebody laid out otherwise, with tabs, is the same', () => {
  const topology = machine({ bdf: Bdf.parse('00:02.0'), vendorId: 0x8086, deviceId: 1, classCode: 0x020000 })
  const text = JSON.stringify(JSON.parse(writeJson(topology)), undefined, '\t')
  expect(read(text).faults).toEqual([])
  expect(plain(read(text))).toEqual(plain(topology))
})

test('a defect has its line and column', () => {
  const text = `{"vfiokit": "topology/1",\n"functions": [\n{"bdf": "00:02.0", "buss": 1}]}`
  expect(read(text).faults).toMatchObject([{ file: 'a.json', line: 3, code: 'unknown-key' }, {}])
})

test('other JSON is not taken for a topology', () => {
  expect(jsonReader.recognises('{"devices": {}}')).toBe(false)
  expect(jsonReader.recognises('vfiokit: topology/1')).toBe(false)
})
