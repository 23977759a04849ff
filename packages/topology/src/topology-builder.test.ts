import { Bdf, ConfigComposer, type FunctionInput, type Topology, TopologyBuilder } from '@vfiokit/topology'
import fc from 'fast-check'
import { expect, test } from 'vitest'

function endpoint(bdf: string, rest: Partial<FunctionInput> = {}): FunctionInput {
  return { bdf: Bdf.parse(bdf), vendorId: 0x1b36, deviceId: 1, classCode: 0x020000, ...rest }
}

function bridge(
  bdf: string,
  secondary: number,
  subordinate = secondary,
  rest: Partial<FunctionInput> = {},
): FunctionInput {
  const busNumbers = { primary: Bdf.parts(Bdf.parse(bdf)).bus, secondary, subordinate }
  return { ...endpoint(bdf), classCode: 0x060400, busNumbers, ...rest }
}

function build(...inputs: readonly FunctionInput[]): Topology {
  return inputs.reduce((builder, input) => builder.addFunction(input), new TopologyBuilder()).finish()
}

/** `address < parent` for every function. */
function tree(topology: Topology): readonly string[] {
  return topology.functions.map((fn) => (fn.parent === undefined ? fn.bdf : `${fn.bdf} < ${fn.parent}`))
}

function buses(topology: Topology): readonly string[] {
  return topology.buses.map((bus) => `${bus.domain.toString(16)}:${bus.number.toString(16)} ${bus.kind}`)
}

function codes(topology: Topology): readonly string[] {
  return topology.faults.map((fault) => fault.code)
}

test('fact 1: the function on the secondary bus is below its bridge', () => {
  const topology = build(endpoint('01:00.0'), bridge('00:01.0', 1), endpoint('00:00.0'))
  expect(tree(topology)).toEqual(['0000:00:00.0', '0000:00:01.0', '0000:01:00.0 < 0000:00:01.0'])
  expect(buses(topology)).toEqual(['0:0 root', '0:1 secondary'])
  expect(topology.bus(0, 1)?.bridge).toBe('0000:00:01.0')
  expect(topology.faults).toEqual([])
})

test('fact 2: a switch: port, two downstream ports, and an empty bus', () => {
  const topology = build(
    bridge('00:01.0', 1, 4),
    bridge('01:00.0', 2, 4),
    bridge('02:00.0', 3),
    bridge('02:01.0', 4),
    endpoint('04:00.0'),
    endpoint('04:00.1'),
  )
  expect(tree(topology)).toEqual([
    '0000:00:01.0',
    '0000:01:00.0 < 0000:00:01.0',
    '0000:02:00.0 < 0000:01:00.0',
    '0000:02:01.0 < 0000:01:00.0',
    '0000:04:00.0 < 0000:02:01.0',
    '0000:04:00.1 < 0000:02:01.0',
  ])
  expect(topology.bus(0, 3)).toMatchObject({ kind: 'secondary', bridge: '0000:02:00.0', functions: [] })
  expect(topology.functionsBelow(Bdf.parse('01:00.0')).map((fn) => fn.bdf)).toEqual([
    '0000:02:00.0',
    '0000:02:01.0',
    '0000:04:00.0',
    '0000:04:00.1',
  ])
  expect(topology.faults).toEqual([])
})

test('fact 3: domains of any width, several roots in one', () => {
  const topology = build(
    endpoint('10000:e0:00.0'),
    endpoint('10000:00:00.0'),
    endpoint('0001:00:00.0'),
    endpoint('00:00.0'),
  )
  expect(buses(topology)).toEqual(['0:0 root', '1:0 root', '10000:0 root', '10000:e0 root'])
  expect(topology.faults).toEqual([])
})

test('fact 4: a bus without a bridge lies below the range that holds it; a secondary of 0 claims nothing', () => {
  const topology = build(
    bridge('00:01.0', 0),
    bridge('00:02.0', 1, 3),
    endpoint('02:00.0'),
    endpoint('05:00.0'),
  )
  expect(tree(topology)).toEqual([
    '0000:00:01.0',
    '0000:00:02.0',
    '0000:02:00.0 < 0000:00:02.0',
    '0000:05:00.0',
  ])
  expect(buses(topology)).toEqual(['0:0 root', '0:1 secondary', '0:2 virtual', '0:5 root'])
  expect(codes(topology)).toEqual(['bus-without-bridge'])
})

test('fact 5: a bridge whose secondary is its own bus is there, with a fault', () => {
  const topology = build(bridge('00:01.0', 1), bridge('01:00.0', 1))
  expect(tree(topology)).toEqual(['0000:00:01.0', '0000:01:00.0 < 0000:00:01.0'])
  expect(topology.faults).toMatchObject([{ code: 'secondary-equals-own-bus', bdf: '0000:01:00.0' }])
})

test('fact 6: buses that nobody claims are roots, not errors', () => {
  const topology = build(endpoint('7f:00.0'), endpoint('ff:1f.7'))
  expect(buses(topology)).toEqual(['0:7f root', '0:ff root'])
  expect(topology.faults).toEqual([])
})

test('of two ranges that hold a bus the tighter one wins', () => {
  const topology = build(bridge('00:01.0', 1, 9), bridge('01:00.0', 2, 5), endpoint('04:00.0'))
  expect(topology.function(Bdf.parse('04:00.0'))?.parent).toBe('0000:01:00.0')
})

test("the source's own parent wins over bus numbers, and a contradiction is a fault", () => {
  const parent = Bdf.parse('00:02.0')
  const topology = build(bridge('00:01.0', 1), bridge('00:02.0', 2, 3), endpoint('03:00.0', { parent }))
  expect(topology.function(Bdf.parse('03:00.0'))?.parent).toBe(parent)
  const wrong = build(bridge('00:01.0', 1), bridge('00:02.0', 2), endpoint('01:00.0', { parent }))
  expect(wrong.function(Bdf.parse('01:00.0'))?.parent).toBe(parent)
  expect(codes(wrong)).toEqual(['parent-disagrees'])
})

test('a parent that is not there, or is no bridge, is a fault and bus numbers decide', () => {
  const missing = build(bridge('00:01.0', 1), endpoint('01:00.0', { parent: Bdf.parse('00:07.0') }))
  expect(codes(missing)).toEqual(['parent-missing'])
  expect(missing.function(Bdf.parse('01:00.0'))?.parent).toBe('0000:00:01.0')
  const notBridge = build(endpoint('00:01.0'), endpoint('01:00.0', { parent: Bdf.parse('00:01.0') }))
  expect(codes(notBridge)).toEqual(['parent-not-a-bridge'])
})

test('parents that go round in a circle are cut', () => {
  const [a, b] = [Bdf.parse('01:00.0'), Bdf.parse('02:00.0')]
  const topology = build(bridge('01:00.0', 2, 2, { parent: b }), bridge('02:00.0', 3, 3, { parent: a }))
  expect(codes(topology)).toContain('parent-loop')
  expect(topology.functions.filter((fn) => fn.parent === undefined)).toHaveLength(1)
  expect(topology.functionsBelow(a).length + topology.functionsBelow(b).length).toBe(1)
})

test.each([
  ['siblings overlap', [bridge('00:01.0', 1, 4), bridge('00:02.0', 3, 6)], 'bus-ranges-overlap'],
  ['a sibling lies inside', [bridge('00:01.0', 1, 6), bridge('00:02.0', 3, 4)], 'bus-ranges-overlap'],
  [
    'a child leaves its parent',
    [bridge('00:01.0', 1, 3), bridge('01:00.0', 2, 5)],
    'bus-range-outside-parent',
  ],
  ['two have one secondary', [bridge('00:01.0', 1), bridge('00:02.0', 1)], 'secondary-claimed-twice'],
  ['subordinate is below secondary', [bridge('00:01.0', 5, 3)], 'subordinate-below-secondary'],
  ['secondary is below the own bus', [bridge('04:01.0', 2)], 'secondary-below-own-bus'],
] as const)('bus ranges: %s', (_name, inputs, code) => {
  const topology = build(...inputs)
  expect(codes(topology)).toEqual([code])
  expect(topology.functions).toHaveLength(inputs.length)
})

test('a function given twice is kept once, with the longer configuration space', () => {
  const config = new ConfigComposer(256, { vendorId: 0x8086, deviceId: 7 }).compose()
  const topology = build(endpoint('00:01.0'), { bdf: Bdf.parse('00:01.0'), config }, endpoint('00:01.0'))
  expect(topology.functions).toMatchObject([{ deviceId: 7 }])
  expect(codes(topology)).toEqual(['duplicate-function', 'duplicate-function'])
})

test('a virtual function on a bus of its own is no fault', () => {
  const topology = build(
    bridge('00:01.0', 1, 2),
    endpoint('01:00.0'),
    endpoint('02:00.0', { physfn: Bdf.parse('01:00.0') }),
  )
  expect(buses(topology)).toEqual(['0:0 root', '0:1 secondary', '0:2 virtual'])
  expect(topology.virtualFunctions(Bdf.parse('01:00.0')).map((fn) => fn.bdf)).toEqual(['0000:02:00.0'])
  expect(topology.faults).toEqual([])
})

test('a function beside function 0 is multifunction; a virtual function never is', () => {
  const topology = build(
    endpoint('00:01.0'),
    endpoint('00:01.1'),
    endpoint('00:01.2', { physfn: Bdf.parse('00:01.0') }),
  )
  expect(topology.functions.map((fn) => fn.multifunction)).toEqual([false, true, false])
})

test('header type and class that do not fit, or that nobody knows, are faults', () => {
  const mismatch = new ConfigComposer(256, { vendorId: 1, deviceId: 2, classCode: 0x060400 }).compose()
  expect(codes(build({ bdf: Bdf.parse('00:01.0'), config: mismatch }))).toEqual(['header-class-mismatch'])
  const unknown = new ConfigComposer(256, { vendorId: 1, deviceId: 2 }).write(0x0e, 1, 0x05).compose()
  expect(codes(build({ bdf: Bdf.parse('00:01.0'), config: unknown }))).toEqual(['header-type-unknown'])
})

test('a function that reads all ones, and one of which nothing is known, are there with a fault', () => {
  const builder = new TopologyBuilder().addFunction({ bdf: Bdf.parse('00:01.0') })
  const topology = builder.finish()
  expect(topology.functions).toMatchObject([
    { vendorId: 0xffff, deviceId: 0xffff, capabilitiesKnown: 'nothing' },
  ])
  expect(codes(topology)).toEqual(['identity-unknown'])
  expect(() => builder.finish()).toThrow(TypeError)
  expect(() => builder.addFunction(endpoint('00:02.0'))).toThrow(TypeError)
})

test('ids that do not fit their registers are refused', () => {
  expect(() => build(endpoint('00:01.0', { vendorId: 0x10000 }))).toThrow('vendorId 65536')
  expect(() => build(endpoint('00:01.0', { classCode: -1 }))).toThrow(RangeError)
})

test('a topology and what it holds cannot be changed', () => {
  const topology = build(bridge('00:01.0', 1), endpoint('01:00.0'))
  const parts = [topology, ...topology.functions, ...topology.buses, ...topology.bridges, topology.functions]
  expect(parts.every((part) => Object.isFrozen(part))).toBe(true)
  expect(Object.isFrozen(topology.buses[0]?.functions)).toBe(true)
})

test('a port that cannot be what it says is taken as what it must be', () => {
  const port = (bdf: string, secondary: number, type: string): FunctionInput => {
    const busNumbers = { primary: 0, secondary, subordinate: 9 }
    const composer = new ConfigComposer(256, { vendorId: 1, deviceId: 2, classCode: 0x060400, headerType: 1 })
    const config = composer.busNumbers(busNumbers).capability({ id: 0x10, fields: { type } }).compose()
    return { bdf: Bdf.parse(bdf), config }
  }
  const topology = build(
    port('00:01.0', 1, 'root-port'),
    port('01:00.0', 2, 'downstream-port'),
    port('02:00.0', 3, 'upstream-port'),
  )
  expect(topology.functions.map((fn) => fn.pcie?.type)).toEqual([
    'root-port',
    'upstream-port',
    'downstream-port',
  ])
  expect(topology.functions[1]?.pcie?.declaredType).toBe('downstream-port')
  expect(codes(topology)).toEqual(['port-type-corrected', 'port-type-corrected'])
})

test('two slots of one name are told apart, and a slot of an absent bus is empty', () => {
  const topology = new TopologyBuilder()
    .addFunction(endpoint('00:01.0'))
    .addSlot({ name: '1', domain: 0, bus: 0, device: 1 })
    .addSlot({ name: '1', domain: 0, bus: 9 })
    .finish()
  expect(topology.slots.map((slot) => `${slot.name}: ${slot.functions.length}`)).toEqual(['1: 1', '1-1: 0'])
  expect(topology.function(Bdf.parse('00:01.0'))?.slot).toBe('1')
  expect(codes(topology)).toEqual(['duplicate-slot'])
})

const anyInput: fc.Arbitrary<FunctionInput> = fc.record({
  bdf: fc
    .record({
      domain: fc.constantFrom(0, 1, 0x10000),
      bus: fc.nat(6),
      device: fc.nat(2),
      function: fc.nat(1),
    })
    .map(Bdf.of),
  classCode: fc.constantFrom(0x020000, 0x060400, 0x060700),
  busNumbers: fc.record({ primary: fc.nat(7), secondary: fc.nat(7), subordinate: fc.nat(7) }),
  parent: fc.option(
    fc.record({ domain: fc.constant(0), bus: fc.nat(6), device: fc.nat(2), function: fc.nat(1) }).map(Bdf.of),
    { nil: undefined },
  ),
})

test('any functions at all: none is lost, every one ends at a root, every bus holds its own', () => {
  fc.assert(
    fc.property(fc.array(anyInput, { maxLength: 40 }), (inputs) => {
      const topology = build(...inputs)
      const given = new Set(inputs.map((input) => input.bdf))
      expect(new Set(topology.functions.map((fn) => fn.bdf))).toEqual(given)
      expect(topology.buses.flatMap((bus) => bus.functions)).toHaveLength(given.size)
      for (const fn of topology.functions) {
        let above = fn.parent
        for (let steps = 0; above !== undefined; steps += 1) {
          if (steps > given.size) throw new Error(`${fn.bdf} never ends at a root`)
          above = topology.function(above)!.parent
        }
      }
      const roots = topology.functions.filter((fn) => fn.parent === undefined)
      const below = roots.reduce((sum, fn) => sum + topology.functionsBelow(fn.bdf).length, roots.length)
      expect(below).toBe(given.size)
    }),
  )
})

test('65,536 functions build in linear time', { timeout: 30_000 }, () => {
  const builder = new TopologyBuilder()
  for (let routingId = 0; routingId < 65536; routingId += 1) {
    const isBridge = routingId < 255
    const bdf = Bdf.fromRoutingId(0, routingId)
    const busNumbers = { primary: 0, secondary: routingId + 1, subordinate: routingId + 1 }
    builder.addFunction({
      bdf,
      vendorId: 0x8086,
      deviceId: 1,
      ...(isBridge ? { classCode: 0x060400, busNumbers } : { classCode: 0x020000 }),
    })
  }
  const start = performance.now()
  const topology = builder.finish()
  expect(topology.functions).toHaveLength(65536)
  expect(topology.buses).toHaveLength(256)
  expect(topology.faults).toEqual([])
  // Measured at 0.6 s on one busy core; a quadratic step anywhere takes minutes.
  expect(performance.now() - start).toBeLessThan(6000)
})
