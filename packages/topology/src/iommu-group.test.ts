import { fileURLToPath } from 'node:url'
import {
  type AcsOptions,
  Bdf,
  ConfigComposer,
  ConfigSpace,
  type FunctionInput,
  type GroupPrediction,
  predictGroups,
  TopologyBuilder,
} from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'
import fc from 'fast-check'
import { expect, test } from 'vitest'

/** All four bits that Linux asks for. */
const FULL = 0x1d

interface Shape {
  readonly type?: string
  readonly secondary?: readonly [secondary: number, subordinate: number]
  readonly multifunction?: boolean
  readonly acs?: readonly [capability: number, control: number]
  readonly id?: readonly [vendor: number, device: number]
  readonly physfn?: string
}

function fn(bdf: string, shape: Shape): FunctionInput {
  const { type, secondary, multifunction = false, acs, id = [0x1b36, 1] } = shape
  const classCode = secondary === undefined ? 0x020000 : 0x060400
  const composer = new ConfigComposer(type === undefined ? 256 : 4096, {
    vendorId: id[0],
    deviceId: id[1],
    classCode,
    headerType: secondary === undefined ? 0 : 1,
    multifunction,
  })
  if (secondary !== undefined) {
    composer.busNumbers({ primary: 0, secondary: secondary[0], subordinate: secondary[1] })
  }
  if (type !== undefined) composer.capability({ id: 0x10, fields: { type } })
  if (acs !== undefined) {
    const data = Uint8Array.of(acs[0], 0, acs[1], 0)
    composer.capability({ id: 0x0d, extended: true, data })
  }
  const physfn = shape.physfn === undefined ? undefined : Bdf.parse(shape.physfn)
  return {
    bdf: Bdf.parse(bdf),
    config: composer.compose(),
    configSizeBytes: type === undefined ? 256 : 4096,
    multifunction,
    physfn,
  }
}

const GOOD = [FULL, FULL] as const

function port(bdf: string, bus: number, rest: Shape = {}, last = bus): FunctionInput {
  return fn(bdf, { type: 'root-port', secondary: [bus, last], ...rest })
}

function endpoint(bdf: string, rest: Shape = {}): FunctionInput {
  return fn(bdf, { type: 'endpoint', ...rest })
}

function predict(inputs: readonly FunctionInput[], options: Partial<AcsOptions> = {}): GroupPrediction {
  const builder = inputs.reduce((all, input) => all.addFunction(input), new TopologyBuilder())
  return predictGroups(builder.finish(), { acs: 'as-found', ...options })
}

/** Groups as `00:01.0 | 01:00.0 01:00.1`. */
function groups(inputs: readonly FunctionInput[], options: Partial<AcsOptions> = {}): string {
  return predict(inputs, options)
    .groups.map((group) => group.map((bdf) => bdf.slice(5)).join(' '))
    .join(' | ')
}

const twoFunctions = [
  endpoint('01:00.0', { multifunction: true }),
  endpoint('01:00.1', { multifunction: true }),
]

test('fact 29: a card of two functions without ACS, below a port with and without', () => {
  expect(groups([port('00:01.0', 1, { acs: GOOD }), ...twoFunctions])).toBe('00:01.0 | 01:00.0 01:00.1')
  expect(groups([port('00:01.0', 1), ...twoFunctions])).toBe('00:01.0 01:00.0 01:00.1')
})

test('fact 30: two root ports that are one device', () => {
  const many = { multifunction: true }
  const cards = [endpoint('01:00.0'), endpoint('02:00.0')]
  const ports = (first: Shape, second: Shape): readonly FunctionInput[] => [
    port('00:1c.0', 1, { ...many, ...first }),
    port('00:1c.4', 2, { ...many, ...second }),
    ...cards,
  ]
  expect(groups(ports({}, {}))).toBe('00:1c.0 00:1c.4 01:00.0 02:00.0')
  expect(groups(ports({ acs: GOOD }, { acs: GOOD }))).toBe('00:1c.0 | 00:1c.4 | 01:00.0 | 02:00.0')
  expect(groups(ports({ acs: GOOD }, {}))).toBe('00:1c.0 | 00:1c.4 02:00.0 | 01:00.0')
})

/** Root port, switch with two downstream ports, a card below each. */
function switched(root: Shape, down: Shape): readonly FunctionInput[] {
  return [
    port('00:01.0', 1, root, 4),
    fn('01:00.0', { type: 'upstream-port', secondary: [2, 4] }),
    fn('02:00.0', { type: 'downstream-port', secondary: [3, 3], ...down }),
    fn('02:01.0', { type: 'downstream-port', secondary: [4, 4], ...down }),
    endpoint('03:00.0'),
    endpoint('04:00.0'),
  ]
}

test('fact 31: a switch without ACS, with it, and below a port without', () => {
  const open = predict(switched({ acs: GOOD }, {}))
  expect(groups(switched({ acs: GOOD }, {}))).toBe('00:01.0 | 01:00.0 | 02:00.0 03:00.0 | 02:01.0 04:00.0')
  expect(open.warnings).toMatchObject([{ code: 'groups-can-peer', bdf: '0000:01:00.0' }])
  expect(groups(switched({ acs: GOOD }, { acs: GOOD }))).toBe(
    '00:01.0 | 01:00.0 | 02:00.0 | 02:01.0 | 03:00.0 | 04:00.0',
  )
  expect(predict(switched({ acs: GOOD }, { acs: GOOD })).warnings).toEqual([])
  expect(groups(switched({}, { acs: GOOD }))).toBe('00:01.0 01:00.0 02:00.0 02:01.0 03:00.0 04:00.0')
})

test('fact 32: bits that the capability lacks count as on; bits that it has must be on', () => {
  const below = endpoint('01:00.0')
  expect(groups([port('00:01.0', 1, { acs: [0x05, 0x05] }), below])).toBe('00:01.0 | 01:00.0')
  expect(groups([port('00:01.0', 1, { acs: [FULL, 0x19] }), below])).toBe('00:01.0 01:00.0')
  const none = { multifunction: true, acs: [0, 0] } as const
  expect(
    groups([port('00:01.0', 1, { acs: GOOD }), endpoint('01:00.0', none), endpoint('01:00.1', none)]),
  ).toBe('00:01.0 | 01:00.0 | 01:00.1')
})

test('fact 33: conventional buses and chipset functions', () => {
  const bridge = fn('01:00.0', { type: 'pcie-to-pci-bridge', secondary: [2, 2] })
  expect(groups([port('00:1c.0', 1, { acs: GOOD }, 2), bridge, fn('02:00.0', {}), fn('02:01.0', {})])).toBe(
    '00:1c.0 | 01:00.0 02:00.0 02:01.0',
  )
  const many = { multifunction: true }
  expect(groups([fn('00:1e.0', {}), fn('00:1f.0', many), fn('00:1f.2', many)])).toBe(
    '00:1e.0 | 00:1f.0 00:1f.2',
  )
  const integrated = { type: 'rc-integrated-endpoint', multifunction: true }
  expect(
    groups([
      fn('00:18.0', integrated),
      fn('00:18.1', integrated),
      fn('00:19.0', { type: 'rc-integrated-endpoint' }),
    ]),
  ).toBe('00:18.0 00:18.1 | 00:19.0')
})

test('the id of a bridge counts up to a bridge whose bus translates by itself', () => {
  const bridge = (id: readonly [number, number]): readonly FunctionInput[] => [
    fn('00:01.0', { secondary: [1, 2], id }),
    fn('01:00.0', { secondary: [2, 2] }),
    fn('02:00.0', {}),
  ]
  expect(groups(bridge([1, 2]))).toBe('00:01.0 01:00.0 02:00.0')
  const root = predict(bridge([0x14e4, 0x9000])).verdict(Bdf.parse('01:00.0'))
  expect(root?.reason).toMatchObject({ kind: 'port', because: '0000:00:01.0' })
})

test('fact 34: a function that uses the id of another is with it, if the other is there', () => {
  const many = { multifunction: true, acs: [0, 0] } as const
  const ricoh = { ...many, id: [0x1180, 0xe832] } as const
  const root = port('00:01.0', 1, { acs: GOOD })
  expect(groups([root, endpoint('01:00.0', many), endpoint('01:00.1', ricoh)])).toBe(
    '00:01.0 | 01:00.0 01:00.1',
  )
  const marvell = { id: [0x1b4b, 0x9230] } as const
  expect(groups([root, endpoint('01:00.0', marvell)])).toBe('00:01.0 | 01:00.0')
})

test('fact 35: ARI functions are compared by device; virtual functions are each their own', () => {
  const root = port('00:01.0', 1, { acs: GOOD })
  const ari = Array.from({ length: 10 }, (_, n) =>
    endpoint(`01:0${n >> 3}.${n & 7}`, { multifunction: true }),
  )
  expect(groups([root, ...ari])).toBe(
    '00:01.0 | 01:00.0 01:00.1 01:00.2 01:00.3 01:00.4 01:00.5 01:00.6 01:00.7 | 01:01.0 01:01.1',
  )
  const virtual = ['01:10.0', '01:10.2'].map((bdf) => endpoint(bdf, { physfn: '01:00.0' }))
  expect(groups([root, endpoint('01:00.0'), ...virtual])).toBe('00:01.0 | 01:00.0 | 01:10.0 | 01:10.2')
  expect(groups([port('00:01.0', 1), endpoint('01:00.0'), ...virtual])).toBe(
    '00:01.0 01:00.0 01:10.0 01:10.2',
  )
  const many = { multifunction: true }
  const dma = [
    port('00:01.0', 1, { acs: GOOD }, 3),
    fn('01:00.0', { type: 'upstream-port', secondary: [2, 3], ...many }),
    endpoint('01:00.1', many),
    fn('02:00.0', { type: 'downstream-port', secondary: [3, 3], acs: GOOD }),
    endpoint('03:00.0'),
  ]
  expect(groups(dma)).toBe('00:01.0 | 01:00.0 01:00.1 02:00.0 03:00.0')
})

test('what Linux would turn on is another answer than what was found', () => {
  const machine = [port('00:01.0', 1, { acs: [FULL, 0] }), endpoint('01:00.0')]
  expect(groups(machine)).toBe('00:01.0 01:00.0')
  expect(groups(machine, { acs: 'as-linux-enables' })).toBe('00:01.0 | 01:00.0')
})

test('the reason names the port and the bits', () => {
  const machine = [port('00:01.0', 1, { acs: [FULL, 0x19] }), endpoint('01:00.0')]
  expect(predict(machine).verdict(Bdf.parse('01:00.0'))).toEqual({
    members: ['0000:00:01.0', '0000:01:00.0'],
    reason: { kind: 'port', because: '0000:00:01.0', missing: ['request-redirect'] },
    confidence: 'certain',
  })
  const card = predict([port('00:01.0', 1, { acs: GOOD }), ...twoFunctions])
  expect(card.verdict(Bdf.parse('01:00.1'))?.reason).toMatchObject({
    kind: 'sibling',
    because: '0000:01:00.0',
  })
  expect(card.verdict(Bdf.parse('09:00.0'))).toBeUndefined()
})

test('pcie_acs_override: ports, multifunction devices, single ids', () => {
  const machine = [port('00:01.0', 1), ...twoFunctions]
  expect(groups(machine, { override: ['downstream'] })).toBe('00:01.0 | 01:00.0 01:00.1')
  expect(groups(machine, { override: ['downstream', 'multifunction'] })).toBe('00:01.0 | 01:00.0 | 01:00.1')
  expect(groups(machine, { override: ['id:1b36:0001'] })).toBe('00:01.0 | 01:00.0 | 01:00.1')
})

test('confidence: the table of devices, and bytes that are missing', () => {
  const quirk = predict([port('00:01.0', 1, { id: [0x8086, 0x1c10] }), endpoint('01:00.0')])
  expect(quirk.verdict(Bdf.parse('01:00.0'))).toMatchObject({
    members: ['0000:01:00.0'],
    confidence: 'quirk-table',
  })
  const whole = port('00:01.0', 1, { acs: GOOD })
  const cut: FunctionInput = {
    ...whole,
    config: new ConfigSpace(whole.config!.bytes.slice(0, 256)),
    configSizeBytes: undefined,
  }
  expect(predict([cut, endpoint('01:00.0')]).verdict(Bdf.parse('01:00.0'))).toMatchObject({
    members: ['0000:00:01.0', '0000:01:00.0'],
    confidence: 'unknown',
  })
})

test('an Intel 100 series port has its control register elsewhere', () => {
  const composer = new ConfigComposer(4096, {
    vendorId: 0x8086,
    deviceId: 0xa110,
    classCode: 0x060400,
    headerType: 1,
  })
  composer
    .busNumbers({ primary: 0, secondary: 1, subordinate: 1 })
    .capability({ id: 0x10, fields: { type: 'root-port' } })
  const config = composer
    .capability({ id: 0x0d, extended: true, data: Uint8Array.of(FULL, 0, 0, 0, FULL, 0) })
    .compose()
  const machine = [{ bdf: Bdf.parse('00:01.0'), config, configSizeBytes: 4096 as const }, endpoint('01:00.0')]
  expect(groups(machine)).toBe('00:01.0 | 01:00.0')
})

test.each(['multifn-7.2', 'sriov-7.2', 'convpci-7.2', 'endpoints-7.2'])(
  'on the real machine %s every prediction is what the kernel did',
  (name) => {
    const topology = readTopologyFile(fileURLToPath(new URL(`./fixtures/${name}.json.gz`, import.meta.url)))
    const actual = new Map<number, Bdf[]>()
    for (const { bdf, iommuGroup } of topology.functions) {
      actual.set(iommuGroup!, [...(actual.get(iommuGroup!) ?? []), bdf])
    }
    const hidden = topology.functions.map(({ iommuGroup: _, ...rest }) => rest)
    const { groups: predicted } = predictGroups({ functions: hidden }, { acs: 'as-found' })
    expect([...predicted].map(String).sort()).toEqual([...actual.values()].map(String).sort())
  },
)

test('any machine: the groups are a partition, whatever is in it', () => {
  const shape = fc.record({
    bdf: fc
      .record({ domain: fc.constant(0), bus: fc.nat(3), device: fc.nat(1), function: fc.nat(1) })
      .map(Bdf.of),
    type: fc.constantFrom(
      undefined,
      'endpoint',
      'root-port',
      'upstream-port',
      'downstream-port',
      'pcie-to-pci-bridge',
      'rc-event-collector',
    ),
    secondary: fc.constantFrom<readonly [number, number]>([1, 3], [2, 3], [3, 3]),
    multifunction: fc.boolean(),
    acs: fc.constantFrom<readonly [number, number] | undefined>(undefined, GOOD, [FULL, 0], [0, 0]),
    id: fc.constantFrom<readonly [number, number]>(
      [0x1b36, 1],
      [0x1180, 0xe832],
      [0x10b5, 0x87b0],
      [0x8086, 0x2954],
    ),
  })
  fc.assert(
    fc.property(fc.array(shape, { maxLength: 16 }), (shapes) => {
      const inputs = shapes.map(({ bdf, type, secondary, acs, ...rest }) => {
        const isBridge = type !== undefined && type !== 'endpoint'
        const isPcie = type !== undefined
        return fn(bdf, {
          ...rest,
          ...(type === undefined ? {} : { type }),
          ...(isBridge ? { secondary } : {}),
          ...(isPcie && acs !== undefined ? { acs } : {}),
        })
      })
      const { groups: found } = predict(inputs)
      const all = found.flat()
      expect(new Set(all).size).toBe(all.length)
      expect(new Set(all)).toEqual(new Set(shapes.map(({ bdf }) => bdf)))
    }),
  )
})
