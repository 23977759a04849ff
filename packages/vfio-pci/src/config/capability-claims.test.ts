import { type PciHardware, SimulatedMachine } from '@vfiokit/hardware'
import { Bdf, ConfigSpace, TopologyBuilder } from '@vfiokit/topology'
import { KERNEL_VERSIONS, type KernelVersion, kernelProfile } from '@vfiokit/vfio-core'
import { VirtualConfig } from '@vfiokit/vfio-pci'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

interface Extended {
  readonly at: number
  readonly id: number
  readonly next?: number
  /** Offset in the capability, and what the dword there holds. */
  readonly dwords?: readonly (readonly [number, number])[]
}

/** 4096 bytes with a PCIe capability and these extended ones. */
function spaceOf(...list: readonly Extended[]): Uint8Array {
  const bytes = new Uint8Array(4096)
  const view = new DataView(bytes.buffer)
  view.setUint16(6, 0x10, true)
  view.setUint8(0x34, 0x40)
  view.setUint32(0x40, 0x0002_0010, true)
  for (const { at, id, next = 0, dwords = [] } of list) {
    view.setUint32(at, ((next << 20) | (1 << 16) | id) >>> 0, true)
    for (const [offset, value] of dwords) view.setUint32(at + offset, value, true)
  }
  return bytes
}

function hardwareOf(bytes: Uint8Array): PciHardware {
  const bdf = Bdf.parse('00:05.0')
  const config = new ConfigSpace(bytes)
  const topology = new TopologyBuilder().addFunction({ bdf, vendorId: 1, deviceId: 2, config }).finish()
  return new SimulatedMachine(topology).hardware(bdf)!
}

function viewOf(bytes: Uint8Array, kernel: KernelVersion = '7.2'): VirtualConfig {
  return new VirtualConfig(hardwareOf(bytes), kernelProfile(kernel))
}

/** Ids and places that a user finds from 0x100 on; an id of 0 is a header that only leads on. */
function chainOf(view: VirtualConfig): string[] {
  const found: string[] = []
  for (let at = 0x100; at >= 0x100 && found.length < 20; ) {
    const header = view.read(at, 4)
    found.push(`${(header & 0xffff).toString(16)}@${at.toString(16)}`)
    at = (header >>> 20) & 0xffc
  }
  return found
}

/** First byte behind a capability that begins at 0x100. */
function endOf(view: VirtualConfig): number {
  let at = 0x100
  while (view.claimedBy(at)?.start === 0x100) at++
  return at
}

describe('extended capabilities', () => {
  test.each(KERNEL_VERSIONS)(
    'T71 one that is hidden is skipped, and its bytes are the hardware’s (%s)',
    (kernel) => {
      const view = viewOf(
        spaceOf(
          { at: 0x100, id: 0x03, next: 0x140 },
          { at: 0x140, id: 0x1b, next: 0x180, dwords: [[4, 0x6]] },
          { at: 0x180, id: 0x0e },
        ),
        kernel,
      )
      expect(chainOf(view)).toEqual(['3@100', 'e@180'])
      expect(view.claimedBy(0x140)).toBeUndefined()
      view.write(0x146, 2, 1)
      expect([view.read(0x146, 2), view.hardware.readConfig(0x146, 2)]).toEqual([1, 1])
    },
  )

  test('the first stays as a header without id and version when it is hidden', () => {
    const view = viewOf(spaceOf({ at: 0x100, id: 0x19, next: 0x140 }, { at: 0x140, id: 0x03 }))
    expect(view.read(0x100, 4)).toBe(0x1400_0000)
    expect(view.hardware.readConfig(0x100, 4)).toBe(0x1401_0019)
    view.write(0x100, 4, 0xffff_ffff)
    expect(view.read(0x100, 4)).toBe(0x1400_0000)
    expect(view.claimedBy(0x104)).toBeUndefined()
  })

  test('when all are hidden the first header reads 0', () => {
    const view = viewOf(spaceOf({ at: 0x100, id: 0x19, next: 0x140 }, { at: 0x140, id: 0x1b }))
    expect(view.read(0x100, 4)).toBe(0)
  })

  test('without a first header, and without PCIe, all is the hardware’s', () => {
    const without = spaceOf({ at: 0x100, id: 0x01 })
    without[6] = 0
    for (const bytes of [spaceOf(), without]) {
      const view = viewOf(bytes)
      expect(view.claimedBy(0x100)).toBeUndefined()
      view.write(0x800, 4, 0xdead_beef)
      expect(view.hardware.readConfig(0x800, 4)).toBe(0xdead_beef)
    }
  })

  test.each(KERNEL_VERSIONS)('vendor-specific ones are raw; designated ones are since 6.3 (%s)', (kernel) => {
    const dvsec = kernel === '6.12' || kernel === '7.2'
    const bytes = spaceOf(
      { at: 0x100, id: 0x0b, next: 0x140, dwords: [[4, 0x0100_0001]] },
      { at: 0x140, id: 0x23, next: 0x180, dwords: [[4, 0x0180_0001]] },
      { at: 0x180, id: 0x03 },
    )
    const view = viewOf(bytes, kernel)
    expect(chainOf(view)).toEqual(dvsec ? ['b@100', '23@140', '3@180'] : ['b@100', '3@180'])
    expect(view.claimedBy(0x10f)).toEqual({ id: 0x0b, extended: true, start: 0x100 })
    expect(view.claimedBy(0x110)).toBeUndefined()
    expect(view.claimedBy(0x157) !== undefined).toBe(dvsec)
    const header = view.read(0x100, 4)
    view.write(0x100, 4, 0)
    expect(view.read(0x100, 4)).toBe(header)
  })

  test('error reporting takes writes of the bits that are errors, and of nothing else', () => {
    const view = viewOf(spaceOf({ at: 0x100, id: 0x01, dwords: [[0x18, 0x2a0]] }))
    for (const offset of [8, 0xc]) {
      view.write(0x100 + offset, 4, 0xffff_ffff)
      expect(view.read(0x100 + offset, 4)).toBe(0x03ff_f030)
    }
    view.write(0x114, 4, 0xffff_ffff)
    expect(view.read(0x114, 4)).toBe(0xf1c1)
    view.write(0x118, 4, 0xffff_ffff)
    expect(view.read(0x118, 4)).toBe(0x3e0)
    view.write(0x11c, 4, 0xffff_ffff)
    expect(view.read(0x11c, 4)).toBe(0)
  })

  test.each<[string, number, Extended['dwords'], number]>([
    ['error reporting', 0x01, [], 0x2c],
    ['one virtual channel', 0x02, [], 0x1c],
    [
      'four virtual channels with a table of 64 phases',
      0x09,
      [
        [4, 3],
        [8, 4],
      ],
      0x60,
    ],
    ['of a multi-function device, 128 phases', 0x08, [[8, 8]], 0x60],
    ['power budgeting', 0x04, [], 16],
    ['access control', 0x0d, [], 8],
    ['access control with an egress vector of 33 bits', 0x0d, [[4, 0x2120]], 16],
    ['access control with an egress vector of 256 bits', 0x0d, [[4, 0x20]], 40],
    ['SR-IOV', 0x10, [], 64],
    ['multicast', 0x12, [], 40],
    ['page requests', 0x13, [], 16],
    ['two resizable BARs', 0x15, [[8, 0x40]], 20],
    ['dynamic power allocation', 0x16, [[4, 3]], 20],
    ['processing hints', 0x17, [[4, 0x0003_0000]], 12],
    ['processing hints with four entries', 0x17, [[4, 0x0003_0200]], 20],
    ['latency tolerance', 0x18, [], 8],
  ])('%s has its length', (_, id, dwords = [], lengthBytes) => {
    expect(endOf(viewOf(spaceOf({ at: 0x100, id, dwords })))).toBe(0x100 + lengthBytes)
  })
})

describe('standard capabilities', () => {
  const standard = (id: number, low: number, kernel: KernelVersion = '7.2'): VirtualConfig => {
    const bytes = spaceOf()
    new DataView(bytes.buffer).setUint32(0x40, ((low << 16) | id) >>> 0, true)
    return viewOf(bytes, kernel)
  }
  const lengthAt40 = (view: VirtualConfig): number => {
    let at = 0x40
    while (view.claimedBy(at)?.start === 0x40) at++
    return at - 0x40
  }

  test.each([
    ['PM', 0x01, 0, 8],
    ['AGP', 0x02, 0, 12],
    ['VPD', 0x03, 0, 8],
    ['MSI', 0x05, 0, 10],
    ['MSI with 64-bit address', 0x05, 0x80, 14],
    ['MSI with masks', 0x05, 0x180, 24],
    ['PCI-X', 0x07, 0, 8],
    ['PCI-X, second mode', 0x07, 0x1000, 24],
    ['HyperTransport', 0x08, 0xa000, 24],
    ['HyperTransport, host or slave', 0x08, 0x0000, 28],
    ['vendor specific', 0x09, 0x11, 0x11],
    ['vendor specific without a length', 0x09, 0, 0],
    ['PCIe, first version', 0x10, 0x01, 20],
    ['PCIe, first version, in the root complex', 0x10, 0x91, 12],
    ['PCIe', 0x10, 0x02, 52],
    ['PCIe in the root complex', 0x10, 0x92, 44],
    ['MSI-X', 0x11, 0, 12],
    ['SATA', 0x12, 0, 8],
    ['AF', 0x13, 0, 6],
    ['EA', 0x14, 0, 0],
    ['the null capability', 0x00, 0, 0],
  ])('%s has its length', (_, id, low, lengthBytes) => {
    expect(lengthAt40(standard(id, low))).toBe(lengthBytes)
  })

  test('PCIe of 6.1 ends 2 bytes earlier', () => {
    expect(KERNEL_VERSIONS.map((kernel) => lengthAt40(standard(0x10, 2, kernel)))).toEqual([52, 50, 52, 52])
  })

  test.each(KERNEL_VERSIONS)('power management events are hidden since 5.19 (%s)', (kernel) => {
    const view = standard(0x01, 0xfe03, kernel)
    expect(view.read(0x42, 2)).toBe(kernel === '5.10' ? 0xfe03 : 0x0603)
    view.write(0x44, 2, 0x0100)
    expect(view.read(0x44, 2)).toBe(kernel === '5.10' ? 0x0100 : 0)
  })

  test('neighbours of one id are one capability, whose list pointer is the first one’s', () => {
    const bytes = spaceOf()
    // Two vendor capabilities of 8 bytes, then a hidden one, then AF.
    bytes.set([0x09, 0x48, 8], 0x40)
    bytes.set([0x09, 0x50, 8], 0x48)
    bytes.set([0x0d, 0x58], 0x50)
    bytes.set([0x13, 0], 0x58)
    const view = viewOf(bytes)
    expect(view.claimedBy(0x4c)).toEqual({ id: 9, extended: false, start: 0x40 })
    // The copy was made to skip what is hidden, but the second header is read from the hardware.
    expect([view.copy(0x49, 1), view.read(0x49, 1)]).toEqual([0x58, 0x50])
  })
})

test('registers that are kept virtual never reach the hardware', () => {
  const view = viewOf(spaceOf())
  view.keepVirtual(0xfc, Uint8Array.of(1, 2, 3, 4))
  expect(view.read(0xfc, 4)).toBe(0x0403_0201)
  view.write(0xfc, 2, 0xffff)
  expect([view.read(0xfc, 4), view.hardware.readConfig(0xfc, 4)]).toEqual([0x0403_ffff, 0])
})

test('any bytes at all: lists end, and every access of every width ends with a value', () => {
  const soup = fc.array(fc.tuple(fc.nat(4095), fc.nat(255)), { minLength: 50, maxLength: 400 })
  fc.assert(
    fc.property(soup, fc.constantFrom(...KERNEL_VERSIONS), (list, kernel) => {
      const bytes = spaceOf({ at: 0x100, id: 0x01, next: 0x140 }, { at: 0x140, id: 0x0b, next: 0x100 })
      for (const [at, value] of list) bytes[at] = value
      bytes[0x0e] = 0
      const view = viewOf(bytes, kernel)
      for (let at = 0; at < 4096; ) {
        const width = view.accessBytes(at, 1 + (at % 5))
        view.write(at, width, 2 ** (8 * width) - 1)
        expect(view.read(at, width)).toSatisfy((value: number) => value >= 0 && value < 2 ** (8 * width))
        at += width
      }
    }),
    { numRuns: 60 },
  )
})
