import { type SimulatedFunction, SimulatedMachine, StorageModel } from '@vfiokit/hardware'
import { type Bar, Bdf, ConfigSpace, type ResetMethod } from '@vfiokit/topology'
import { describe, expect, it } from 'vitest'
import {
  AF,
  BRIDGE,
  bridge,
  configBytes,
  DEEP,
  ENDPOINT,
  ENDPOINT_BARS,
  endpoint,
  endpointBytes,
  MSI,
  MSI_X,
  PCIE,
  PM,
  PORT,
  smallMachine,
  topologyOf,
} from './fixtures/machine.ts'

const PLAIN = 0x200

type Register = readonly [name: string, offset: number, width: 1 | 2 | 4, dirty: number, afterReset: number]

/** What software writes, and what FLR and bus reset leave of it. */
const ENDPOINT_REGISTERS: readonly Register[] = [
  ['command', 0x04, 2, 0x0507, 0],
  ['cache line size', 0x0c, 1, 0xff, 0],
  ['BAR 0', 0x10, 4, 0xffffc000, 0],
  ['BAR 1', 0x14, 4, 0xffffffe1, 1],
  ['BAR 2', 0x18, 4, 0xc, 0xc],
  ['BAR 2 upper', 0x1c, 4, 0xfffffffc, 0],
  ['ROM', 0x30, 4, 0xffff0001, 0],
  ['interrupt line', 0x3c, 1, 0xff, 0],
  ['MSI flags', MSI + 2, 2, 0x00f1, 0x0080],
  ['MSI address', MSI + 4, 4, 0xfffffffc, 0],
  ['MSI address upper', MSI + 8, 4, 0xffffffff, 0],
  ['MSI data', MSI + 12, 2, 0xffff, 0],
  ['MSI-X flags', MSI_X + 2, 2, 0xc000, 0],
  ['device control', PCIE + 8, 2, 0x000f, 0x000f],
  ['a byte that no structure owns', PLAIN, 4, 0x12345678, 0x12345678],
]

const BRIDGE_REGISTERS: readonly Register[] = [
  ['bus numbers', 0x18, 4, 0xff020201, 0],
  ['I/O window', 0x1c, 2, 0xf0f0, 0],
  ['memory window', 0x20, 4, 0xe0f0e000, 0],
  ['prefetchable window', 0x24, 4, 0xfff0fff0, 0],
  ['bridge control', 0x3e, 2, 0x0bbf, 0],
]

function dirty(fn: SimulatedFunction, registers: readonly Register[]): void {
  for (const [name, offset, width, value] of registers) {
    fn.writeConfig(offset, width, value)
    expect(fn.readConfig(offset, width), `${name} takes the value`).toBe(value)
  }
}

function expectReset(fn: SimulatedFunction, registers: readonly Register[]): void {
  for (const [name, offset, width, , after] of registers)
    expect(fn.readConfig(offset, width), name).toBe(after)
}

function expectDirty(fn: SimulatedFunction, registers: readonly Register[]): void {
  for (const [name, offset, width, value] of registers) expect(fn.readConfig(offset, width), name).toBe(value)
}

function storage(fn: SimulatedFunction): StorageModel {
  if (fn.model instanceof StorageModel) return fn.model
  throw new TypeError('not plain storage')
}

function firstByte(fn: SimulatedFunction, bar: 0 | 'rom'): number {
  const out = new Uint8Array(1)
  storage(fn).memory(bar).read(0, out)
  return out[0]!
}

function fill(fn: SimulatedFunction): void {
  storage(fn).memory(0).write(0, Uint8Array.of(0x77))
  storage(fn).memory('rom').write(0, Uint8Array.of(0x55))
}

/** Every way to cause a full reset of the function below PORT. */
const fullResets: [name: string, act: (machine: SimulatedMachine) => void][] = [
  ['reset(flr)', (machine) => machine.hardware(ENDPOINT)!.reset('flr')],
  ['reset(af_flr)', (machine) => machine.hardware(ENDPOINT)!.reset('af_flr')],
  ['device control bit 15', (machine) => machine.hardware(ENDPOINT)!.writeConfig(PCIE + 8, 2, 0x800f)],
  [
    'device control bit 15 by a byte',
    (machine) => machine.hardware(ENDPOINT)!.writeConfig(PCIE + 9, 1, 0x80),
  ],
  ['AF control bit 0', (machine) => machine.hardware(ENDPOINT)!.writeConfig(AF + 4, 1, 1)],
  ['secondaryBusReset', (machine) => machine.secondaryBusReset(PORT)],
  ['bridge control bit 6', (machine) => machine.hardware(PORT)!.writeConfig(0x3e, 2, 0x40)],
  ['bridge control bit 6 in a dword', (machine) => machine.hardware(PORT)!.writeConfig(0x3c, 4, 0x400000)],
]

describe('a full reset', () => {
  it.each(fullResets)('%s clears the marked registers and the BAR memory, and keeps the rest', (_, act) => {
    const machine = smallMachine()
    const fn = machine.hardware(ENDPOINT)!
    dirty(fn, ENDPOINT_REGISTERS)
    fill(fn)
    act(machine)
    expectReset(fn, ENDPOINT_REGISTERS)
    expect(firstByte(fn, 0)).toBe(0)
    expect(firstByte(fn, 'rom')).toBe(0x55)
    expect(fn.readConfig(PCIE + 8, 2) & 0x8000).toBe(0)
  })

  it('puts the function back to D0 and takes its BARs away until they are restored', () => {
    const fn = smallMachine().hardware(ENDPOINT)!
    fn.writeConfig(PM + 4, 2, 3)
    expect(fn.powerState).toBe('D3hot')
    expect(fn.reset('flr')).toBe('ok')
    expect(fn.powerState).toBe('D0')
    const out = new Uint8Array(4)
    fn.writeConfig(0x04, 2, 2)
    fn.readBar(0, 0, out)
    expect([...out]).toEqual([0xff, 0xff, 0xff, 0xff])
    fn.writeConfig(0x10, 4, 0xe0000000)
    fn.readBar(0, 0, out)
    expect([...out]).toEqual([0, 0, 0, 0])
  })

  it('of a bus reaches everything below, and bridges there lose numbers, windows and control', () => {
    const machine = smallMachine()
    const [port, fn, between, deep] = [PORT, ENDPOINT, BRIDGE, DEEP].map((bdf) => machine.hardware(bdf)!)
    dirty(deep!, ENDPOINT_REGISTERS)
    dirty(between!, BRIDGE_REGISTERS)
    dirty(fn!, ENDPOINT_REGISTERS)
    const portBefore = port!.readConfig(0x18, 4)
    machine.secondaryBusReset(PORT)
    expectReset(fn!, ENDPOINT_REGISTERS)
    expectReset(deep!, ENDPOINT_REGISTERS)
    expectReset(between!, BRIDGE_REGISTERS)
    expect(port!.readConfig(0x18, 4)).toBe(portBefore)
  })

  it('of a bus leaves what is beside and above', () => {
    const machine = smallMachine()
    dirty(machine.hardware(ENDPOINT)!, ENDPOINT_REGISTERS)
    machine.secondaryBusReset(BRIDGE)
    expectDirty(machine.hardware(ENDPOINT)!, ENDPOINT_REGISTERS)
    expect(() => machine.secondaryBusReset(ENDPOINT)).toThrow('0000:01:00.0 is not a bridge of this machine')
  })

  it('by bridge control happens on the rising edge only', () => {
    const machine = smallMachine()
    const port = machine.hardware(PORT)!
    port.writeConfig(0x3e, 2, 0x40)
    dirty(machine.hardware(ENDPOINT)!, ENDPOINT_REGISTERS)
    port.writeConfig(0x3e, 2, 0x41)
    port.writeConfig(0x3e, 2, 0x01)
    expectDirty(machine.hardware(ENDPOINT)!, ENDPOINT_REGISTERS)
  })

  it('by register does not store the bit, even where measured masks call it writable', () => {
    const writable = 'ff'.repeat(4096)
    const fn = smallMachine({ profiles: () => ({ rw: writable, w1c: '00'.repeat(4096) }) }).hardware(
      ENDPOINT,
    )!
    fn.writeConfig(PCIE + 8, 2, 0x8001)
    fn.writeConfig(AF + 4, 1, 1)
    expect([fn.readConfig(PCIE + 8, 2), fn.readConfig(AF + 4, 1)]).toEqual([1, 0])
  })

  it('by register needs the capability to say that it can', () => {
    const config = new ConfigSpace(
      endpointBytes([
        [PCIE + 4, 4, 0x8020],
        [AF + 3, 1, 1],
      ]),
    )
    const fn = new SimulatedMachine(topologyOf(endpoint(ENDPOINT, { config }))).hardware(ENDPOINT)!
    dirty(fn, ENDPOINT_REGISTERS)
    fn.writeConfig(PCIE + 8, 2, 0x800f)
    fn.writeConfig(AF + 4, 1, 1)
    expectDirty(fn, ENDPOINT_REGISTERS)
    expect([fn.reset('flr'), fn.reset('af_flr')]).toEqual(['ENOTTY', 'ENOTTY'])
  })
})

describe('power', () => {
  it('a pm reset changes no byte and no memory, and ends in D0', () => {
    const fn = smallMachine().hardware(ENDPOINT)!
    dirty(fn, ENDPOINT_REGISTERS)
    fill(fn)
    fn.writeConfig(PM + 4, 2, 3)
    expect(fn.reset('pm')).toBe('ok')
    expect(fn.powerState).toBe('D0')
    expectDirty(fn, ENDPOINT_REGISTERS)
    expect(firstByte(fn, 0)).toBe(0x77)
  })

  it('states that the capability does not offer are refused', () => {
    const fn = smallMachine().hardware(ENDPOINT)!
    fn.writeConfig(PM + 4, 2, 1)
    expect(fn.powerState).toBe('D1')
    fn.writeConfig(PM + 4, 2, 2)
    expect(fn.powerState).toBe('D1')
    fn.writeConfig(PM + 4, 2, 3)
    fn.writeConfig(PM + 4, 2, 1)
    expect(fn.powerState).toBe('D3hot')
  })

  it('read-only state bits of a measured function hold it in D0', () => {
    const zeros = '00'.repeat(256)
    const machine = smallMachine({ profiles: () => ({ rw: zeros, w1c: zeros }) })
    const fn = machine.hardware(ENDPOINT)!
    fn.writeConfig(PM + 4, 2, 3)
    expect(fn.powerState).toBe('D0')
    expect(fn.reset('pm')).toBe('ok')
  })
})

describe('reset methods', () => {
  const noFlr: readonly (readonly [number, 1 | 2 | 4, number])[] = [
    [PCIE + 4, 4, 0],
    [AF + 3, 1, 0],
  ]
  const withConfig = (registers: typeof noFlr): { config: ConfigSpace } => ({
    config: new ConfigSpace(endpointBytes(registers)),
  })
  const second = Bdf.parse('0000:01:00.1')

  it('are listed in the kernel’s order, by capability', () => {
    const all = smallMachine().hardware(DEEP)!
    expect(all.resetMethods).toEqual(['flr', 'af_flr', 'pm', 'bus'])
    const few = new SimulatedMachine(topologyOf(endpoint(ENDPOINT, withConfig([...noFlr, [PM + 4, 2, 8]]))))
    expect(few.hardware(ENDPOINT)!.resetMethods).toEqual([])
  })

  it('list bus for the first function of a bus, where it fails once others are there', () => {
    const functions = [ENDPOINT, second].map((bdf) => endpoint(bdf, withConfig(noFlr)))
    const machine = new SimulatedMachine(topologyOf(bridge(PORT, 0, 1, 1), ...functions))
    const [first, other] = [ENDPOINT, second].map((bdf) => machine.hardware(bdf)!)
    expect([first!.resetMethods, other!.resetMethods]).toEqual([['pm', 'bus'], ['pm']])
    expect([first!.reset('bus'), other!.reset('bus')]).toEqual(['ENOTTY', 'ENOTTY'])
  })

  it('bus resets the function that is alone below its bridge', () => {
    const machine = smallMachine()
    const fn = machine.hardware(DEEP)!
    dirty(fn, ENDPOINT_REGISTERS)
    dirty(machine.hardware(ENDPOINT)!, ENDPOINT_REGISTERS)
    expect(fn.reset('bus')).toBe('ok')
    expectReset(fn, ENDPOINT_REGISTERS)
    expectDirty(machine.hardware(ENDPOINT)!, ENDPOINT_REGISTERS)
  })

  it('that the source recorded win, and unknown names among them are reported', () => {
    const topology = topologyOf(endpoint(ENDPOINT, { resetMethods: ['pm', 'acpi', 'magic'] }))
    const fn = new SimulatedMachine(topology).hardware(ENDPOINT)!
    expect(fn.resetMethods).toEqual(['pm', 'acpi'])
    expect(fn.diagnostics).toMatchObject([{ code: 'reset-method-unknown', found: 'magic' }])
    expect(fn.reset('acpi')).toBe('ok')
    expect(fn.reset('device_specific')).toBe('ENOTTY')
  })

  it('are ordered as sysfs reset_method takes them', () => {
    const fn = smallMachine().hardware(DEEP)!
    const after = (text: string): readonly ResetMethod[] => {
      fn.setResetMethods(text)
      return fn.resetMethods
    }
    expect(after('bus flr\n')).toEqual(['bus', 'flr'])
    expect(after('')).toEqual([])
    expect(after('default')).toEqual(['flr', 'af_flr', 'pm', 'bus'])
    expect(after(' pm ')).toEqual(['pm'])
    for (const wrong of ['flr magic', 'device_specific', 'default flr', 'toString']) {
      expect(() => fn.setResetMethods(wrong)).toThrow(RangeError)
      expect(() => fn.setResetMethods(wrong)).toThrow('EINVAL')
      expect(fn.resetMethods).toEqual(['pm'])
    }
  })

  it('leave out what is known to be broken', () => {
    const ids = (vendorId: number, deviceId: number, classCode: number): readonly ResetMethod[] => {
      const topology = topologyOf(
        bridge(PORT, 0, 1, 1),
        endpoint(ENDPOINT, { vendorId, deviceId, classCode }),
      )
      return new SimulatedMachine(topology).hardware(ENDPOINT)!.resetMethods
    }
    expect(ids(0x1022, 0x1487, 0x040300)).toEqual(['pm', 'bus'])
    expect(ids(0x1002, 0x1234, 0x030000)).toEqual(['flr', 'af_flr', 'bus'])
    expect(ids(0x168c, 0x0030, 0x028000)).toEqual(['flr', 'af_flr', 'pm'])
  })
})

describe('virtual functions', () => {
  const vf = Bdf.parse('0000:01:10.0')
  const SRIOV = 0x100
  const pfConfig = new ConfigSpace(
    endpointBytes([
      [SRIOV, 4, 0x00010010],
      [SRIOV + 8, 2, 0x0009],
      [SRIOV + 0x0e, 2, 7],
      [SRIOV + 0x10, 2, 1],
      [SRIOV + 0x1c, 4, 0x553],
      [SRIOV + 0x20, 4, 1],
      [SRIOV + 0x24, 4, 0xe2000000],
    ]),
  )
  const vfBars: readonly Bar[] = [{ ...ENDPOINT_BARS[0]!, address: 0xe2000000n, sizeBytes: 7 * 0x4000 }]
  const vfConfig = new ConfigSpace(configBytes({ registers: [[0, 4, 0xffffffff]] }))
  const topology = topologyOf(bridge(PORT, 0, 1, 1), endpoint(ENDPOINT, { config: pfConfig, vfBars }), {
    bdf: vf,
    config: vfConfig,
    vendorId: 1,
    deviceId: 2,
    physfn: ENDPOINT,
    bars: vfBars,
  })

  it('a reset of the physical function clears VF enable and tells the models of its virtual functions', () => {
    const events: string[] = []
    const machine = new SimulatedMachine(topology, {
      models: [
        (board) =>
          board.identity.physfn === undefined
            ? undefined
            : { readBar: () => {}, writeBar: () => {}, reset: (event) => events.push(event) },
      ],
    })
    const pf = machine.hardware(ENDPOINT)!
    pf.writeConfig(SRIOV + 0x20, 4, 0x10)
    pf.reset('flr')
    expect([8, 0x10, 0x20].map((at) => pf.readConfig(SRIOV + at, 2))).toEqual([0, 0, 1])
    expect(events).toEqual(['pf-reset'])
  })

  it('a reset of the physical function puts back the registers of its virtual functions', () => {
    const machine = new SimulatedMachine(topology)
    const pf = machine.hardware(ENDPOINT)!
    const vf = machine.hardware(topology.virtualFunctions(ENDPOINT)[0]!.bdf)!
    vf.writeConfig(0x04, 2, 0x0006)
    pf.reset('flr')
    expect(vf.readConfig(0x04, 2)).toBe(0)
  })

  it('a VF BAR register sizes one virtual function, and the page size takes supported sizes only', () => {
    const pf = new SimulatedMachine(topology).hardware(ENDPOINT)!
    pf.writeConfig(SRIOV + 0x24, 4, 0xffffffff)
    pf.writeConfig(SRIOV + 0x20, 4, 0xffffffff)
    expect(pf.readConfig(SRIOV + 0x24, 4)).toBe(0xffffc000)
    expect(pf.readConfig(SRIOV + 0x20, 4)).toBe(0x553)
  })
})
