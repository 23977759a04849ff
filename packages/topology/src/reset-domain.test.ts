import { fileURLToPath } from 'node:url'
import {
  Bdf,
  type FunctionInput,
  forbidsBusReset,
  resetDomain,
  type Topology,
  TopologyBuilder,
} from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'
import { expect, test } from 'vitest'

function fixture(name: string): Topology {
  return readTopologyFile(fileURLToPath(new URL(`./fixtures/${name}`, import.meta.url)))
}

function endpoint(bdf: string, rest: Partial<FunctionInput> = {}): FunctionInput {
  return { bdf: Bdf.parse(bdf), vendorId: 0x1b36, deviceId: 1, classCode: 0x020000, ...rest }
}

function bridge(
  bdf: string,
  secondary: number,
  subordinate = secondary,
  rest: Partial<FunctionInput> = {},
): FunctionInput {
  const busNumbers = { primary: 0, secondary, subordinate }
  return endpoint(bdf, { classCode: 0x060400, busNumbers, ...rest })
}

function builder(...inputs: readonly FunctionInput[]): TopologyBuilder {
  return inputs.reduce((all, input) => all.addFunction(input), new TopologyBuilder())
}

function hot(topology: Topology, bdf: string): unknown {
  const domain = resetDomain(topology, Bdf.parse(bdf)).hot
  return domain && [domain.scope, ...domain.functions.map((hit) => hit.slice(5))]
}

test('the four functions of a hot-plug slot are reset together', () => {
  const topology = fixture('multifn-7.2.json.gz')
  const together = ['slot', '01:00.0', '01:00.1', '01:00.2', '01:00.3']
  expect(topology.faults).toEqual([])
  expect(hot(topology, '01:00.0')).toEqual(together)
  expect(hot(topology, '01:00.3')).toEqual(together)
  expect(resetDomain(topology, Bdf.parse('01:00.0')).bus?.functions).toHaveLength(4)
})

test('fact 37: the functions of a card that cannot reset alone are reset by their bus', () => {
  const topology = builder(bridge('00:01.0', 1), endpoint('01:00.0'), endpoint('01:00.1')).finish()
  expect(hot(topology, '01:00.0')).toEqual(['bus', '01:00.0', '01:00.1'])
  expect(hot(topology, '01:00.1')).toEqual(hot(topology, '01:00.0'))
  expect(resetDomain(topology, Bdf.parse('01:00.0')).function.functions).toEqual(['0000:01:00.0'])
})

test('facts 38 and 43: nothing but itself is reset with a function on a root bus', () => {
  const domains = resetDomain(
    builder(endpoint('00:02.0'), endpoint('00:02.1')).finish(),
    Bdf.parse('00:02.0'),
  )
  expect(domains).toEqual({
    function: { scope: 'function', functions: ['0000:00:02.0'] },
    slot: undefined,
    bus: undefined,
    hot: undefined,
  })
})

test('fact 39: a device that a bus reset breaks forbids it on every bus above', () => {
  const atheros = { vendorId: 0x168c, deviceId: 0x003e }
  const inputs = [bridge('00:01.0', 1, 3), bridge('01:00.0', 2, 3), bridge('02:00.0', 3), endpoint('02:01.0')]
  const topology = builder(...inputs, endpoint('03:00.0', atheros)).finish()
  expect(['01:00.0', '02:01.0', '03:00.0'].map((bdf) => hot(topology, bdf))).toEqual([
    undefined,
    undefined,
    undefined,
  ])
  const allowed = builder(...inputs, endpoint('03:00.0')).finish()
  expect(hot(allowed, '03:00.0')).toEqual(['bus', '03:00.0'])
})

test('a bridge that forbids a bus reset forbids it right below only', () => {
  const cavium = { vendorId: 0x177d, deviceId: 0xa100 }
  const topology = builder(
    bridge('00:01.0', 1, 2, cavium),
    bridge('01:00.0', 2),
    endpoint('02:00.0'),
  ).finish()
  expect(hot(topology, '01:00.0')).toBeUndefined()
  expect(hot(topology, '02:00.0')).toEqual(['bus', '02:00.0'])
})

test.each([
  ['10de', '22ce', true],
  ['10de', '233f', false],
  ['10de', '2340', true],
  ['10de', '237f', true],
  ['10de', '2380', false],
  ['168c', '0030', true],
  ['17cb', '0308', true],
  ['104c', 'b005', true],
  ['1b21', '1164', true],
  ['8086', '10d3', false],
])('%s:%s forbids a bus reset: %s', (vendor, device, forbids) => {
  const ids = { vendorId: Number.parseInt(vendor, 16), deviceId: Number.parseInt(device, 16) }
  expect(forbidsBusReset(ids)).toBe(forbids)
})

test('fact 40: a slot that can be reset is reset without the rest of its bus', () => {
  const machine = builder(
    bridge('00:01.0', 1, 2),
    endpoint('01:00.0'),
    bridge('01:01.0', 2),
    endpoint('02:00.0'),
  )
  const topology = machine
    .addSlot({ name: 'a', domain: 0, bus: 1, device: 0, driver: 'pnv_php' })
    .addSlot({ name: 'b', domain: 0, bus: 1, device: 1, driver: 'acpiphp' })
    .finish()
  expect(hot(topology, '01:00.0')).toEqual(['slot', '01:00.0'])
  expect(hot(topology, '01:01.0')).toEqual(['bus', '01:00.0', '01:01.0', '02:00.0'])
})

test('a slot of pciehp holds every device of its bus', () => {
  const topology = builder(bridge('00:01.0', 1), endpoint('01:00.0'), endpoint('01:01.0'))
    .addSlot({ name: '7', domain: 0, bus: 1, device: 0, driver: 'pciehp' })
    .finish()
  expect(topology.function(Bdf.parse('01:01.0'))?.slot).toBe('7')
  expect(hot(topology, '01:01.0')).toEqual(['slot', '01:00.0', '01:01.0'])
})

test('before 7.2 a slot of pciehp holds device 0 alone: virtual functions are reset with their bus', () => {
  const topology = fixture('sriov-7.2.json.gz')
  const all = ['0000:01:00.0', '0000:01:10.0', '0000:01:10.2', '0000:01:10.4']
  const at = (bdf: string, kernel: '6.12' | '7.2'): unknown =>
    resetDomain(topology, Bdf.parse(bdf), { kernel }).hot
  expect(at('01:00.0', '7.2')).toEqual({ scope: 'slot', functions: all })
  expect(at('01:00.0', '6.12')).toEqual({ scope: 'slot', functions: ['0000:01:00.0'] })
  expect(at('01:10.0', '6.12')).toEqual({ scope: 'bus', functions: all })
})

test('fact 41: a GPU and its audio function are reset together, whatever drives them', () => {
  const audio = endpoint('01:00.1', { driver: 'snd_hda_intel', classCode: 0x040300 })
  const topology = builder(bridge('00:01.0', 1), endpoint('01:00.0', { driver: 'vfio-pci' }), audio).finish()
  expect(hot(topology, '01:00.0')).toEqual(['bus', '01:00.0', '01:00.1'])
})

test('fact 42: a bridge on the bus is hit with everything below it', () => {
  const inputs = [bridge('00:01.0', 1, 2), endpoint('01:00.0'), bridge('01:01.0', 2), endpoint('02:00.0')]
  expect(hot(builder(...inputs).finish(), '01:00.0')).toEqual(['bus', '01:00.0', '01:01.0', '02:00.0'])
})

test('fact 43: virtual functions are hit with their physical one on its bus, and alone elsewhere cannot be', () => {
  const physfn = Bdf.parse('01:00.0')
  const inputs = [
    bridge('00:01.0', 1, 2),
    endpoint('01:00.0'),
    endpoint('01:10.0', { physfn }),
    endpoint('02:00.0', { physfn }),
  ]
  const topology = builder(...inputs).finish()
  expect(hot(topology, '01:10.0')).toEqual(['bus', '01:00.0', '01:10.0'])
  expect(hot(topology, '02:00.0')).toBeUndefined()
  const physical = resetDomain(topology, physfn)
  expect(physical.function.functions).toEqual(['0000:01:00.0', '0000:01:10.0', '0000:02:00.0'])
  expect(physical.bus?.functions).toEqual(['0000:01:00.0', '0000:01:10.0', '0000:02:00.0'])
})

test('a function that is not there is a RangeError by name', () => {
  expect(() => resetDomain(builder().finish(), Bdf.parse('01:00.0'))).toThrow(
    '0000:01:00.0 is not in the topology',
  )
})

test('asking for every function of many is as fast as the answers are few', {
  timeout: 30_000,
}, () => {
  const all = new TopologyBuilder()
  for (let routingId = 0; routingId < 16384; routingId += 1) {
    const bdf = Bdf.fromRoutingId(0, routingId)
    const next = routingId + 1
    all.addFunction(routingId < 63 ? bridge(bdf, next) : endpoint(bdf))
  }
  const topology = all.finish()
  const start = performance.now()
  const sizes = topology.functions.map((fn) => resetDomain(topology, fn.bdf).hot?.functions.length ?? 0)
  expect(Math.max(...sizes)).toBe(256)
  // Measured at 0.04 s; finding each answer anew takes many seconds.
  expect(performance.now() - start).toBeLessThan(5000)
})
