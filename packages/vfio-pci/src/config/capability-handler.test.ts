import { SimulatedMachine } from '@vfiokit/hardware'
import { Bdf, ConfigSpace, TopologyBuilder } from '@vfiokit/topology'
import { kernelProfile } from '@vfiokit/vfio-core'
import { type CapabilityHandler, CapabilityTable, type PluginFailure, VirtualConfig } from '@vfiokit/vfio-pci'
import { describe, expect, test } from 'vitest'

const VENDOR_ID = 0x1e
const EXTENDED_ID = 0x7f
const AT = { STANDARD: 0x60, EXTENDED: 0x100 } as const

/** A function with a PCIe capability, one of an id that nobody knows, and an extended one of that kind. */
function view(...handlers: readonly CapabilityHandler[]) {
  const bytes = new Uint8Array(4096)
  const data = new DataView(bytes.buffer)
  data.setUint16(6, 0x10, true)
  data.setUint8(0x34, 0x40)
  data.setUint32(0x40, 0x0002_6010, true)
  data.setUint32(AT.STANDARD, 0xabcd_0000 | VENDOR_ID, true)
  data.setUint32(AT.STANDARD + 4, 0x1234_5678, true)
  data.setUint32(AT.EXTENDED, (1 << 16) | EXTENDED_ID, true)
  data.setUint32(AT.EXTENDED + 4, 0x9abc_def0, true)
  const bdf = Bdf.parse('00:05.0')
  const fn = { bdf, vendorId: 1, deviceId: 2, config: new ConfigSpace(bytes) }
  const hardware = new SimulatedMachine(new TopologyBuilder().addFunction(fn).finish()).hardware(bdf)!
  const failures: PluginFailure[] = []
  const table = new CapabilityTable(hardware.identity, handlers, (failure) => failures.push(failure))
  const told = failures.map(({ cause }) => (cause as Error).message)
  return { config: new VirtualConfig(hardware, kernelProfile(), table), hardware, told }
}

const standard: CapabilityHandler = {
  name: 'vendor',
  matches: (fn) => fn.vendorId === 1,
  id: VENDOR_ID,
  lengthBytes: 8,
  registers: [{ offset: 4, widthBytes: 4, virtual: 0xffff_ffff, writable: 0xffff, absent: 0x78 }],
}

test('a capability that vfio-pci hides is shown, with registers of its own', () => {
  expect(view().config.read(0x41, 1)).toBe(0)
  const { config, hardware, told } = view(standard)
  expect([config.read(0x41, 1), config.read(AT.STANDARD, 1)]).toEqual([AT.STANDARD, VENDOR_ID])
  expect(config.read(AT.STANDARD + 4, 4)).toBe(0x1234_5600)
  config.write(AT.STANDARD + 4, 4, 0xffff_ffff)
  expect(config.read(AT.STANDARD + 4, 4)).toBe(0x1234_ffff)
  expect(hardware.readConfig(AT.STANDARD + 4, 4)).toBe(0x1234_5678)
  expect(told).toEqual([])
})

test('an extended one too', () => {
  expect(view().config.read(AT.EXTENDED, 4)).toBe(0)
  const registers = [{ offset: 4, widthBytes: 4, virtual: 0, writable: 0 } as const]
  const { config } = view({ ...standard, id: EXTENDED_ID, extended: true, registers })
  expect([config.read(AT.EXTENDED, 4), config.read(AT.EXTENDED + 4, 4)]).toEqual([0x1_007f, 0x9abc_def0])
})

test('on other functions it stays hidden', () => {
  expect(view({ ...standard, matches: () => false }).config.read(0x41, 1)).toBe(0)
})

describe('one that is wrong is told, and left out:', () => {
  const register = { offset: 4, widthBytes: 4, virtual: 0, writable: 0 } as const
  test.each<readonly [string, Partial<CapabilityHandler>, RegExp]>([
    ['an id of 0', { id: 0 }, /id 0 is not 1 to 255/],
    ['an id of 9 bits', { id: 0x100 }, /id 256 is not 1 to 255/],
    ['an id that stands for no owner', { id: 0xfe }, /id 254 cannot be told from/],
    ['power management', { id: 1 }, /0x1 is one that vfio-pci acts on/],
    ['MSI-X', { id: 0x11 }, /0x11 is one that vfio-pci acts on/],
    ['a length of 1', { lengthBytes: 1 }, /lengthBytes is 1/],
    [
      'a register in the header',
      { registers: [{ ...register, offset: 0 }] },
      /register at 0 is not between 2 and 8/,
    ],
    ['a register behind the end', { registers: [{ ...register, offset: 8 }] }, /register at 8/],
    [
      'a match that throws',
      {
        matches: () => {
          throw new Error('oh')
        },
      },
      /oh/,
    ],
  ])('%s', (_what, wrong, message) => {
    const { config, told } = view({ ...standard, ...wrong })
    expect(told).toEqual([expect.stringMatching(message)])
    expect(config.read(0x41, 1)).toBe(0)
  })

  test('the second of an id', () => {
    const { told } = view(standard, { ...standard, lengthBytes: 4 })
    expect(told).toEqual(['capability 0x1e is taken over already'])
  })
})
