import { fileURLToPath } from 'node:url'
import {
  Bdf,
  type ComposedCapability,
  ConfigComposer,
  explainResetMethods,
  type FunctionInput,
  type KernelName,
  predictResetMethods,
  type ResetMethodOptions,
  resetDomain,
  type Topology,
  TopologyBuilder,
} from '@vfiokit/topology'
import { readTopologyFile } from '@vfiokit/topology/node'
import { expect, test } from 'vitest'

interface Shape {
  readonly id?: readonly [vendor: number, device: number]
  readonly classCode?: number
  readonly multifunction?: boolean
  readonly capabilities?: readonly ComposedCapability[]
  readonly physfn?: Bdf
}

function endpoint(bdf: string, shape: Shape = {}): FunctionInput {
  const { id = [0x1b36, 1], classCode = 0x020000, multifunction = false, capabilities = [] } = shape
  const composer = new ConfigComposer(4096, { vendorId: id[0], deviceId: id[1], classCode, multifunction })
  for (const capability of capabilities) composer.capability(capability)
  return { bdf: Bdf.parse(bdf), config: composer.compose(), multifunction, physfn: shape.physfn }
}

function port(capabilities: readonly ComposedCapability[] = []): FunctionInput {
  const numbers = { primary: 0, secondary: 1, subordinate: 1 }
  const composer = new ConfigComposer(4096, { vendorId: 1, deviceId: 2, classCode: 0x060400, headerType: 1 })
  composer.busNumbers(numbers).capability({ id: 0x10, fields: { type: 'root-port' } })
  for (const capability of capabilities) composer.capability(capability)
  return { bdf: Bdf.parse('00:01.0'), config: composer.compose() }
}

function build(...inputs: readonly FunctionInput[]): TopologyBuilder {
  return inputs.reduce((all, input) => all.addFunction(input), new TopologyBuilder())
}

function methods(topology: Topology, bdf: string, options: ResetMethodOptions = {}): string {
  return predictResetMethods(topology, Bdf.parse(bdf), options).join(' ')
}

const PM: ComposedCapability = { id: 0x01 }
const PM_KEEPS: ComposedCapability = { id: 0x01, fields: { noSoftReset: true } }
const FLR: ComposedCapability = { id: 0x10, fields: { functionLevelReset: true } }
const PLAIN: ComposedCapability = { id: 0x10 }
const AF = (transactionsPending: boolean): ComposedCapability => ({
  id: 0x13,
  fields: { transactionsPending, functionLevelReset: true },
})

test('fact 36: a function alone below a bridge', () => {
  expect(methods(build(port(), endpoint('01:00.0', { capabilities: [FLR, PM] })).finish(), '01:00.0')).toBe(
    'flr pm bus',
  )
  expect(
    methods(build(port(), endpoint('01:00.0', { capabilities: [AF(true), PM] })).finish(), '01:00.0'),
  ).toBe('af_flr pm bus')
  expect(
    methods(build(port(), endpoint('01:00.0', { capabilities: [AF(false), PM] })).finish(), '01:00.0'),
  ).toBe('pm bus')
})

test('fact 37: two functions that cannot reset alone have nothing but the hot reset of both', () => {
  const shape = { multifunction: true, capabilities: [PLAIN, PM_KEEPS] }
  const topology = build(port(), endpoint('01:00.0', shape), endpoint('01:00.1', shape)).finish()
  expect(methods(topology, '01:00.0', { probed: 'now' })).toBe('')
  expect(methods(topology, '01:00.1')).toBe('')
  expect(resetDomain(topology, Bdf.parse('01:00.0')).hot?.functions).toHaveLength(2)
})

test('fact 38: on a root bus there is no bus reset', () => {
  const topology = build(endpoint('00:02.0', { capabilities: [PM] })).finish()
  expect(methods(topology, '00:02.0')).toBe('pm')
  expect(
    explainResetMethods(topology, Bdf.parse('00:02.0')).find(({ method }) => method === 'bus')?.obstacle,
  ).toBe('on-root-bus')
})

test('fact 39: a device that a bus reset breaks has none, and may keep pm', () => {
  const atheros = build(
    port(),
    endpoint('01:00.0', { id: [0x168c, 0x003e], capabilities: [PM_KEEPS] }),
  ).finish()
  expect(methods(atheros, '01:00.0')).toBe('')
  const asmedia = build(port(), endpoint('01:00.0', { id: [0x1b21, 0x1164], capabilities: [PM] })).finish()
  expect(methods(asmedia, '01:00.0')).toBe('pm')
})

test('fact 40: through its slot a single function is reset although others share the bus', () => {
  const slot = { name: '1', domain: 0, bus: 1, device: 0, driver: 'pnv_php' }
  const single = build(port(), endpoint('01:00.0'), endpoint('01:01.0')).addSlot(slot).finish()
  expect(methods(single, '01:00.0', { probed: 'now' })).toBe('bus')
  expect(methods(single, '01:01.0', { probed: 'now' })).toBe('')
  const many = { multifunction: true }
  const card = build(port(), endpoint('01:00.0', many), endpoint('01:00.1', many)).addSlot(slot).finish()
  expect(methods(card, '01:00.0', { probed: 'now' })).toBe('')
})

test('fact 45: below a CXL port that masks resets', () => {
  const dvsec = (control: number): ComposedCapability => ({
    id: 0x23,
    extended: true,
    data: Uint8Array.of(0x98, 0x1e, 0x00, 0x01, 0x03, 0x00, 0x00, 0x00, control, 0x00),
  })
  const masked = build(port([dvsec(0)]), endpoint('01:00.0')).finish()
  expect(methods(masked, '01:00.0', { kernel: '6.12' })).toBe('bus cxl_bus')
  expect(methods(masked, '01:00.0', { kernel: '7.2' })).toBe('cxl_bus')
  expect(methods(masked, '01:00.0', { kernel: '6.1' })).toBe('bus')
  expect(methods(build(port([dvsec(1)]), endpoint('01:00.0')).finish(), '01:00.0')).toBe('bus cxl_bus')
})

test('resets that are known not to work are not offered', () => {
  const flr = build(port(), endpoint('01:00.0', { id: [0x1022, 0x1487], capabilities: [FLR] })).finish()
  expect(methods(flr, '01:00.0')).toBe('bus')
  const radeon = { id: [0x1002, 0x67df] as const, classCode: 0x030000, capabilities: [PM] }
  expect(methods(build(port(), endpoint('01:00.0', radeon)).finish(), '01:00.0')).toBe('bus')
  expect(methods(build(endpoint('00:02.0', radeon)).finish(), '00:02.0')).toBe('pm')
})

test('devices with a reset of their own', () => {
  const own = (vendor: number, device: number, capabilities: readonly ComposedCapability[] = []): string =>
    methods(build(port(), endpoint('01:00.0', { id: [vendor, device], capabilities })).finish(), '01:00.0')
  expect(own(0x8086, 0x10ed)).toBe('device_specific bus')
  expect(own(0x144d, 0xa804, [FLR])).toBe('device_specific flr bus')
  expect(own(0x144d, 0xa804, [PLAIN])).toBe('bus')
  expect(own(0x1425, 0x4801)).toBe('device_specific bus')
  expect(own(0x1425, 0x5801)).toBe('bus')
})

test('every method that is not offered has its obstacle', () => {
  const topology = build(
    port(),
    endpoint('01:00.0', { capabilities: [PLAIN, PM_KEEPS] }),
    endpoint('01:01.0'),
  ).finish()
  const explained = explainResetMethods(topology, Bdf.parse('01:01.0'))
  expect(explained.map(({ method, obstacle }) => `${method}: ${obstacle}`)).toEqual([
    'device_specific: no-own-reset',
    'acpi: firmware-not-known',
    'flr: no-capability',
    'af_flr: no-capability',
    'pm: no-capability',
    'bus: shares-bus',
    'cxl_bus: no-cxl-port',
  ])
  expect(
    explainResetMethods(topology, Bdf.parse('01:00.0'), { kernel: '5.10' }).map(({ obstacle }) => obstacle),
  ).toEqual([
    'no-own-reset',
    'not-in-this-kernel',
    'not-advertised',
    'no-capability',
    'keeps-state-in-d3hot',
    undefined,
    'not-in-this-kernel',
  ])
  expect(() => explainResetMethods(topology, Bdf.parse('09:00.0'))).toThrow(RangeError)
})

test.each<[string, KernelName]>([
  ['multifn-7.2', '7.2'],
  ['sriov-7.2', '7.2'],
  ['convpci-7.2', '7.2'],
  ['endpoints-7.2', '7.2'],
  ['sriov-6.12', '6.12'],
])('on the real machine %s every function has the methods that the kernel listed', (name, kernel) => {
  const topology = readTopologyFile(fileURLToPath(new URL(`./fixtures/${name}.json.gz`, import.meta.url)))
  const predicted = topology.functions.map((fn) => [fn.bdf, methods(topology, fn.bdf, { kernel })])
  expect(predicted).toEqual(topology.functions.map((fn) => [fn.bdf, fn.resetMethods?.join(' ')]))
})
