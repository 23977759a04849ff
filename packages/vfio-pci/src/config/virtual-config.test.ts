import { type PciHardware, SimulatedMachine } from '@vfiokit/hardware'
import { Bdf, ConfigComposer, ConfigSpace, TopologyBuilder } from '@vfiokit/topology'
import { KERNEL_VERSIONS, kernelProfile } from '@vfiokit/vfio-core'
import { VirtualConfig } from '@vfiokit/vfio-pci'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { Host } from '../fixtures/host.ts'
import { AT, BDF, FUNCTION_NAMES, fixtureMachine, fixtureTopology } from '../fixtures/machine.ts'

/** A function that is only its configuration space. */
function hardwareOf(config: ConfigSpace): PciHardware {
  const bdf = Bdf.parse('00:05.0')
  const topology = new TopologyBuilder().addFunction({ bdf, vendorId: 1, deviceId: 2, config }).finish()
  return new SimulatedMachine(topology).hardware(bdf)!
}

function viewOf(config: ConfigSpace): VirtualConfig {
  return new VirtualConfig(hardwareOf(config), kernelProfile())
}

const LIST_HEAD = 0x34

/**
 * The list that a user walks: the two low bits of a pointer are reserved.
 *
 * It ends where a capability has lost its pointer to another one that overlaps it: what is there then is
 * the other's, as in the kernel, and may lead anywhere.
 */
function chainOf(view: VirtualConfig): string[] {
  const found: string[] = []
  if ((view.read(0x06, 2) & 0x10) === 0) return found
  const next = (at: number) => (isOwn(view, at) ? view.read(at, 1) & 0xfc : 0)
  for (let at = next(LIST_HEAD); at !== 0 && found.length < 60; at = next(at + 1))
    found.push(`${view.read(at, 1).toString(16)}@${at.toString(16)}`)
  return found
}

/** Whether a pointer is of the header, or of the capability that it stands in. */
function isOwn(view: VirtualConfig, pointer: number): boolean {
  return pointer === LIST_HEAD || view.claimedBy(pointer)?.start === pointer - 1
}

/** Junk with a list of capabilities through it, at those dwords. */
function threaded(junk: Uint8Array, dwords: readonly number[]): Uint8Array {
  const bytes = Uint8Array.from(junk)
  bytes[0x06]! |= 0x10
  bytes[0x0e] = 0
  let pointer = LIST_HEAD
  for (const dword of dwords) {
    bytes[pointer] = 4 * dword
    pointer = 4 * dword + 1
  }
  bytes[pointer] = 0
  return bytes
}

describe.each(KERNEL_VERSIONS)('the header on %s', (kernel) => {
  const device = () => new Host({ kernel }).guest().open('nic')

  test('T1 a write to the vendor id is accepted and changes nothing', () => {
    const nic = device()
    expect(nic.config(0, 2)).toBe(0x8086)
    expect(nic.setConfig(0, 2, 0x1234)).toBe(2)
    expect(nic.config(0, 2)).toBe(0x8086)
  })

  test('T6 a write to the revision is accepted and dropped', () => {
    const nic = device()
    expect(nic.setConfig(8, 1, 0x77)).toBe(1)
    expect(nic.config(8, 1)).toBe(2)
  })

  test('the interrupt line is a scratch byte of the user, the pin is not', () => {
    const host = new Host({ kernel })
    const nic = host.guest().open('nic')
    nic.setConfig(0x3c, 2, 0x5555)
    expect(nic.config(0x3c, 2)).toBe(0x0155)
    expect(host.hardware('nic').readConfig(0x3c, 1)).toBe(0x0a)
  })

  test('cache line size goes to the hardware', () => {
    const host = new Host({ kernel })
    host.guest().open('nic').setConfig(0x0c, 1, 8)
    expect(host.hardware('nic').readConfig(0x0c, 1)).toBe(8)
  })

  test('a virtual function shows the ids that the host knows, memory enabled and no interrupt pin', () => {
    const host = new Host({ kernel })
    const vf = host.guest().open('vf')
    expect(host.hardware('vf').readConfig(0, 4)).toBe(0xffff_ffff)
    expect(vf.config(0, 4)).toBe(0x10ca_8086)
    expect(vf.config(4, 2) & 2).toBe(2)
    expect(vf.config(0x3d, 1)).toBe(0)
  })
})

describe('capabilities', () => {
  test('those that are not known are skipped by the list; their bytes are passed through', () => {
    const host = new Host()
    const lone = host.guest().open('lone')
    expect(chainOf(host.driver('lone').open!.config)).toEqual(['13@40', '3@58', '9@68'])
    // Subsystem ids at 0x50: hidden, so nobody claims them and a write reaches the hardware.
    expect(lone.config(0x50, 1)).toBe(0x0d)
    expect(host.driver('lone').open!.config.claimedBy(0x50)).toBeUndefined()
  })

  test('when all are hidden the status says that there is no list', () => {
    const config = new ConfigComposer(256, { vendorId: 1, deviceId: 2 })
      .capability({ id: 0x0d, offset: 0x40 })
      .capability({ id: 0x0f, offset: 0x48 })
    const view = viewOf(config.compose())
    expect(view.read(0x34, 1)).toBe(0)
    expect(view.read(0x06, 2) & 0x10).toBe(0)
  })

  test('power management hides what makes events, from the first read on', () => {
    const host = new Host()
    const nic = host.guest().open('nic')
    expect(host.hardware('nic').readConfig(0x42, 2) & 0xf800).toBe(0x4800)
    expect(nic.config(0x42, 2) & 0xf800).toBe(0)
    expect(nic.config(0x44, 2) & 0x8100).toBe(0)
    nic.setConfig(0x44, 2, 0x8100)
    expect(nic.config(0x44, 2) & 0x8100).toBe(0)
  })

  test('MSI cannot be enabled by register, and takes no vector count; address and data are the user’s', () => {
    const host = new Host()
    const nic = host.guest().open('nic')
    nic.setConfig(AT.nicMsi + 2, 2, 0x00f1)
    expect(nic.config(AT.nicMsi + 2, 2)).toBe(0x0080)
    nic.setConfig(AT.nicMsi + 4, 4, 0xfee0_1000)
    expect(nic.config(AT.nicMsi + 4, 4)).toBe(0xfee0_1000)
    expect(host.hardware('nic').readConfig(AT.nicMsi + 4, 4)).toBe(0)
  })

  test('MSI-X is read-only', () => {
    const nvme = new Host().guest().open('nvme')
    nvme.setConfig(AT.nvmeMsix + 2, 2, 0xc000)
    expect(nvme.config(AT.nvmeMsix + 2, 2)).toBe(64)
  })

  test('a vendor capability is the hardware’s own but for its place in the list', () => {
    const host = new Host()
    const lone = host.guest().open('lone')
    lone.setConfig(0x68, 4, 0)
    expect(lone.config(0x68, 2)).toBe(0x0009)
    expect(host.driver('lone').open!.config.claimedBy(0x6f)).toEqual({ id: 9, extended: false, start: 0x68 })
    expect(host.driver('lone').open!.config.claimedBy(0x70)).toBeUndefined()
  })

  test('an access never spans two owners', () => {
    // AF has 6 bytes: 0x44 and 0x45 are its own, 0x46 is nobody's.
    const { config } = openDriver('lone')
    expect(config.accessBytes(0x44, 4)).toBe(2)
    expect(config.accessBytes(0x46, 4)).toBe(2)
    expect(config.accessBytes(0x41, 8)).toBe(1)
    expect(config.accessBytes(0x48, 8)).toBe(4)
  })

  test('two that overlap: the later one in the list has the bytes, whole', () => {
    const { bytes } = new ConfigComposer(256, { vendorId: 1, deviceId: 2 })
      .capability({ id: 0x05, offset: 0x40, fields: { address64: true, perVectorMasking: true } })
      .capability({ id: 0x11, offset: 0x60 })
      .compose()
    // MSI has 24 bytes, and now MSI-X begins at its 9th, where MSI has an address of the user.
    bytes.set([0x48], 0x41)
    bytes.copyWithin(0x48, 0x60, 0x6c)
    const hardware = hardwareOf(new ConfigSpace(bytes))
    const view = new VirtualConfig(hardware, kernelProfile())
    expect(view.claimedBy(0x47)).toEqual({ id: 5, extended: false, start: 0x40 })
    expect(view.claimedBy(0x48)).toEqual({ id: 0x11, extended: false, start: 0x48 })
    view.write(0x4c, 4, 0xffff_ffff)
    expect(view.read(0x4c, 4)).toBe(0)
    hardware.writeConfig(0x4a, 2, 0x4000)
    expect(view.read(0x4a, 2)).toBe(0x4000)
  })

  test.each([
    ['points to itself', 0x41, 0x40],
    ['points back', 0x51, 0x40],
    ['points into the header', 0x51, 0x10],
    ['points to the last byte', 0x51, 0xff],
  ])('a list that %s is shown as it is, and the device opens', (_, at, to) => {
    const bytes = new ConfigComposer(256, { vendorId: 1, deviceId: 2 })
      .capability({ id: 0x01, offset: 0x40 })
      .capability({ id: 0x11, offset: 0x50 })
      .compose().bytes
    bytes[at] = to
    const chain = chainOf(viewOf(new ConfigSpace(bytes)))
    expect(chain.slice(0, 1)).toEqual(['1@40'])
  })

  test('of a space that is known by 64 bytes no capability is made up', () => {
    const whole = new ConfigComposer(256, { vendorId: 1, deviceId: 2 }).capability({ id: 0x01 }).compose()
    const view = viewOf(new ConfigSpace(whole.bytes.slice(0, 64)))
    expect(chainOf(view)).toEqual([])
  })

  test('a list that ends, through any junk, ends for the user too', () => {
    const junk = fc.uint8Array({ minLength: 256, maxLength: 256 })
    const dwords = fc.uniqueArray(fc.integer({ min: 0x40 / 4, max: 0xfc / 4 }), { maxLength: 48 })
    fc.assert(
      fc.property(junk, dwords, (bytes, list) => {
        const chain = chainOf(viewOf(new ConfigSpace(threaded(bytes, list))))
        expect(chain.length).toBeLessThanOrEqual(list.length)
      }),
    )
  })

  test('any bytes at all make a view that can be read and written everywhere', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 256, maxLength: 256 }), (bytes) => {
        bytes[0x0e] = 0
        const view = viewOf(new ConfigSpace(bytes))
        for (let at = 0; at < 256; at += 4) {
          view.write(at, 4, 0xffff_ffff)
          expect(view.read(at, 4)).toSatisfy((value: number) => value >= 0 && value <= 0xffff_ffff)
        }
      }),
      { numRuns: 100 },
    )
  })
})

function openDriver(name: 'lone') {
  const host = new Host()
  host.guest().open(name)
  return host.driver(name).open!
}

/**
 * The tables said a second time: for each byte of a function of the fixture, which bits are read from the
 * copy, and which can be written. A byte that is not here is nobody's: raw.
 */
interface ByteRule {
  readonly virtual: number
  readonly writable: number
}
const BAR_BYTES = [...range(0x10, 0x28), ...range(0x30, 0x34)]
const HEADER_RULES = new Map<number, ByteRule>([
  ...range(0, 0x40).map((at) => [at, { virtual: 0, writable: 0 }] as const),
  ...range(0, 4).map((at) => [at, { virtual: 0xff, writable: 0 }] as const),
  [4, { virtual: 0, writable: 0xff }],
  [5, { virtual: 4, writable: 0xff }],
  [6, { virtual: 0x10, writable: 0 }],
  ...[0x0c, 0x0d, 0x0f].map((at) => [at, { virtual: 0, writable: 0xff }] as const),
  ...BAR_BYTES.map((at) => [at, { virtual: 0xff, writable: 0xff }] as const),
  [0x34, { virtual: 0xff, writable: 0 }],
  [0x3c, { virtual: 0xff, writable: 0xff }],
  [0x3d, { virtual: 0xff, writable: 0 }],
])
/** nic: PM at 0x40, MSI with a 64-bit address at 0x48, PCIe version 2 at 0x70, MSI-X at 0xb0. */
const NIC_RULES = new Map<number, ByteRule>([
  ...HEADER_RULES,
  ...[...range(0x40, 0x48), ...range(0x48, 0x56), ...range(0x70, 0xa4), ...range(0xb0, 0xbc)].map(
    (at) => [at, { virtual: 0, writable: 0 }] as const,
  ),
  ...[0x40, 0x48, 0x70, 0xb0].map((at) => [at + 1, { virtual: 0xff, writable: 0 }] as const),
  [0x43, { virtual: 0xf8, writable: 0 }],
  [0x44, { virtual: 0, writable: 0xfc }],
  [0x45, { virtual: 0x81, writable: 0x7e }],
  ...[0x46, 0x47].map((at) => [at, { virtual: 0, writable: 0xff }] as const),
  [0x4a, { virtual: 0xff, writable: 0xff }],
  ...range(0x4c, 0x56).map((at) => [at, { virtual: 0xff, writable: 0xff }] as const),
  [0x78, { virtual: 0xe0, writable: 0xff }],
  [0x79, { virtual: 0xf0, writable: 0xfd }],
  [0x98, { virtual: 0, writable: 0xdf }],
  [0x99, { virtual: 0, writable: 0xff }],
])

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, at) => start + at)
}

describe('the permission tables against a byte-by-byte oracle', () => {
  const WIDTHS = [1, 2, 4] as const
  const writes = fc.array(
    fc.record({
      width: fc.constantFrom(...WIDTHS),
      place: fc.nat(255),
      value: fc.integer({ min: 0, max: 0xffff_ffff }),
    }),
    { minLength: 1, maxLength: 30 },
  )

  test('whatever is written, a byte changes only by its rule', () => {
    fc.assert(
      fc.property(writes, (list) => {
        const machine = fixtureMachine(fixtureTopology())
        const hardware = machine.hardware(BDF.nic)!
        const view = new VirtualConfig(hardware, kernelProfile())
        const copy = view.bytes.slice()
        for (const { width, place, value } of list) {
          const offset = place - (place % width)
          if (view.accessBytes(offset, width) !== width) continue
          const before = range(0, 256).map((at) => hardware.readConfig(at, 1))
          view.write(offset, width, value % 256 ** width)
          const wrong = range(0, 256).filter((at) => {
            const rule = NIC_RULES.get(at) ?? { virtual: 0, writable: 0xff }
            const inside = at >= offset && at < offset + width
            const byte = (value >>> (8 * (at - offset))) & 0xff
            const own = inside ? rule.virtual & rule.writable : 0
            copy[at] = (copy[at]! & ~own) | (byte & own)
            const found = hardware.readConfig(at, 1)
            // Status bits that writing 1 clears go with a write of the same access.
            const allowed = at === 7 ? 0xff : inside ? rule.writable & ~rule.virtual : 0
            const seen = (found & ~rule.virtual) | (copy[at]! & rule.virtual)
            return (
              view.copy(at, 1) !== copy[at] ||
              ((found ^ before[at]!) & ~allowed) !== 0 ||
              view.read(at, 1) !== seen
            )
          })
          expect(wrong).toEqual([])
        }
      }),
      { numRuns: 60 },
    )
  })

  test.each(FUNCTION_NAMES)('reading %s by bytes, words or dwords is the same', (name) => {
    const view = new VirtualConfig(fixtureMachine(fixtureTopology()).hardware(BDF[name])!, kernelProfile())
    for (let at = 0; at < view.sizeBytes; at += 4) {
      const bytes = range(at, at + 4).map((each) => view.read(each, 1))
      const words = [view.read(at, 2), view.read(at + 2, 2)]
      expect(words).toEqual([bytes[0]! + 256 * bytes[1]!, bytes[2]! + 256 * bytes[3]!])
      expect(view.read(at, 4)).toBe(words[0]! + 65536 * words[1]!)
    }
  })
})
