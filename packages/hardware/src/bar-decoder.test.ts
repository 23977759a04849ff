import type { SimulatedFunction } from '@vfiokit/hardware'
import { SimulatedMachine } from '@vfiokit/hardware'
import { type Bar, type BarIndex, Bdf, barSizeFromProbe, ConfigSpace } from '@vfiokit/topology'
import { describe, expect, it } from 'vitest'
import {
  bridge,
  configBytes,
  ENDPOINT,
  endpoint,
  PM,
  PORT,
  smallMachine,
  topologyOf,
} from './fixtures/machine.ts'

const COMMAND = 0x04
const MEMORY = 0x2

function functionWith(bar: Bar): SimulatedFunction {
  const bdf = Bdf.parse('0000:00:05.0')
  return new SimulatedMachine(topologyOf({ bdf, vendorId: 1, deviceId: 2, bars: [bar] })).hardware(bdf)!
}

/** What a driver does: write ones, read back, put back. */
function sizeByProbe(
  fn: SimulatedFunction,
  { index, kind, width }: Pick<Bar, 'index' | 'kind' | 'width'>,
): bigint {
  const register = index === 'rom' ? 0x30 : 0x10 + 4 * index
  const registers = width === 64 ? [register, register + 4] : [register]
  const before = registers.map((offset) => fn.readConfig(offset, 4))
  for (const offset of registers) fn.writeConfig(offset, 4, 0xffffffff)
  const [low, high] = registers.map((offset) => fn.readConfig(offset, 4))
  for (const [at, offset] of registers.entries()) fn.writeConfig(offset, 4, before[at]!)
  expect(registers.map((offset) => fn.readConfig(offset, 4))).toEqual(before)
  return barSizeFromProbe(index === 'rom' ? 'rom' : kind, low!, high)
}

const cases: [
  name: string,
  bar: Pick<Bar, 'index' | 'kind' | 'width' | 'prefetchable'>,
  first: number,
  last: number,
][] = [
  ['32-bit memory', { index: 3, kind: 'memory', width: 32, prefetchable: false }, 4, 31],
  ['64-bit prefetchable memory', { index: 4, kind: 'memory', width: 64, prefetchable: true }, 4, 47],
  ['I/O', { index: 0, kind: 'io', width: 32, prefetchable: false }, 2, 8],
  ['expansion ROM', { index: 'rom', kind: 'memory', width: 32, prefetchable: false }, 11, 24],
]

describe('BAR sizing', () => {
  it.each(cases)('%s: the probe finds every power of two', (_, bar, first, last) => {
    for (let exponent = first; exponent <= last; exponent += 1) {
      const sizeBytes = 2 ** exponent
      const fn = functionWith({ ...bar, address: 0n, sizeBytes })
      expect(sizeByProbe(fn, bar), `2^${exponent}`).toBe(BigInt(sizeBytes))
    }
  })

  it('the registers keep their type bits, and the resources stay where the host put them', () => {
    const fn = smallMachine().hardware(ENDPOINT)!
    const before = fn.resources
    fn.writeConfig(0x18, 4, 0)
    fn.writeConfig(0x1c, 4, 0xffffffff)
    expect(fn.readConfig(0x18, 4)).toBe(0xc)
    expect(fn.readConfig(0x1c, 4)).toBe(0xfffffffc)
    expect(fn.resources).toBe(before)
    expect(fn.resources.map(({ bar, start, sizeBytes }) => [bar, start, sizeBytes])).toEqual([
      [0, 0xe0000000n, 0x4000],
      [1, 0xd000n, 0x20],
      [2, 0x4000000000n, 2 ** 34],
      ['rom', 0xe1000000n, 0x10000],
    ])
  })

  it('a size that nobody knows is assumed, within the alignment of the address, and said', () => {
    const fn = functionWith({
      index: 0,
      kind: 'memory',
      width: 32,
      prefetchable: false,
      address: 0xe0000400n,
      sizeBytes: undefined,
    })
    expect(fn.resources[0]!.sizeBytes).toBe(0x400)
    expect(fn.diagnostics).toMatchObject([
      { code: 'bar-size-unknown', severity: 'warning', bdf: '0000:00:05.0' },
    ])
  })

  it.each([2 ** 57, Number.POSITIVE_INFINITY, 0, Number.NaN])(
    'a size of %s is none, and said',
    (sizeBytes) => {
      const fn = functionWith({
        index: 0,
        kind: 'memory',
        width: 64,
        prefetchable: false,
        address: 0x40_0000_0000n,
        sizeBytes,
      })
      expect(fn.resources[0]!.sizeBytes).toBe(4096)
      expect(fn.diagnostics).toMatchObject([{ code: 'bar-size-unknown', found: `${sizeBytes} bytes` }])
    },
  )

  it('a size that is not a power of two decodes the next one, and is said', () => {
    const fn = functionWith({
      index: 0,
      kind: 'memory',
      width: 32,
      prefetchable: false,
      address: 0n,
      sizeBytes: 5000,
    })
    expect(fn.resources[0]!.sizeBytes).toBe(8192)
    expect(fn.diagnostics).toMatchObject([{ code: 'bar-size-not-power-of-two', found: '5000 bytes' }])
  })

  it('a 64-bit BAR without a register above it decodes 32 bits and leaves what stands there alone', () => {
    const fn = functionWith({
      index: 5,
      kind: 'memory',
      width: 64,
      prefetchable: false,
      address: 0n,
      sizeBytes: 4096,
    })
    expect(fn.resources[0]!.width).toBe(32)
    fn.writeConfig(0x28, 4, 0xffffffff)
    expect(fn.readConfig(0x28, 4)).toBe(0)
  })
})

function read(fn: SimulatedFunction, bar: BarIndex | 'rom', length = 4): number[] {
  const out = new Uint8Array(length).fill(0x5a)
  fn.readBar(bar, 0, out)
  return [...out]
}

const ONES = [0xff, 0xff, 0xff, 0xff]
const DATA = [1, 2, 3, 4]

/** Each row: what is done, and which BARs answer then. */
const gates: [name: string, act: (fn: SimulatedFunction) => void, memory: boolean, io: boolean][] = [
  ['as found', () => {}, true, true],
  ['memory enable off', (fn) => fn.writeConfig(COMMAND, 2, 0x0105), false, true],
  ['I/O enable off', (fn) => fn.writeConfig(COMMAND, 2, 0x0106), true, false],
  ['memory enable off by a byte write', (fn) => fn.writeConfig(COMMAND, 1, 0x05), false, true],
  ['D1', (fn) => fn.writeConfig(PM + 4, 2, 1), false, false],
  ['D3hot', (fn) => fn.writeConfig(PM + 4, 2, 3), false, false],
  ['D3hot and back', (fn) => [3, 0].map((state) => fn.writeConfig(PM + 4, 2, state)), true, true],
  ['BAR 0 moved away', (fn) => fn.writeConfig(0x10, 4, 0xd0000000), false, true],
  [
    'BAR 0 moved and put back',
    (fn) => [0xd0000000, 0xe0000000].map((to) => fn.writeConfig(0x10, 4, to)),
    true,
    true,
  ],
]

describe('decode', () => {
  it.each(gates)('%s', (_, act, memory, io) => {
    const fn = smallMachine().hardware(ENDPOINT)!
    fn.writeBar(0, 0, Uint8Array.from(DATA))
    fn.writeBar(1, 0, Uint8Array.from(DATA))
    act(fn)
    expect(read(fn, 0)).toEqual(memory ? DATA : ONES)
    expect(read(fn, 1)).toEqual(io ? DATA : ONES)
  })

  it('writes are lost while a BAR does not answer', () => {
    const fn = smallMachine().hardware(ENDPOINT)!
    fn.writeConfig(COMMAND, 2, 0)
    fn.writeBar(0, 0, Uint8Array.from(DATA))
    fn.writeConfig(COMMAND, 2, MEMORY)
    expect(read(fn, 0)).toEqual([0, 0, 0, 0])
  })

  it('the upper half of a 64-bit BAR counts as part of its address', () => {
    const fn = smallMachine().hardware(ENDPOINT)!
    fn.writeConfig(0x1c, 4, 0x44)
    expect(read(fn, 2)).toEqual(ONES)
    fn.writeConfig(0x1c, 4, 0x40)
    expect(read(fn, 2)).toEqual([0, 0, 0, 0])
  })

  it('the ROM answers only with its own enable bit', () => {
    const fn = smallMachine().hardware(ENDPOINT)!
    expect(read(fn, 'rom')).toEqual(ONES)
    fn.writeConfig(0x30, 4, 0xe1000001)
    expect(read(fn, 'rom')).toEqual([0, 0, 0, 0])
  })

  it('a virtual function goes by its own memory bit, and reads zeros without it', () => {
    const vf = Bdf.parse('0000:01:10.0')
    const bars: readonly Bar[] = [
      { index: 0, kind: 'memory', width: 64, prefetchable: true, address: 0x1000000n, sizeBytes: 0x4000 },
    ]
    const config = new ConfigSpace(configBytes({ registers: [[0, 4, 0xffffffff]] }))
    const topology = topologyOf(bridge(PORT, 0, 1, 1), endpoint(ENDPOINT), {
      bdf: vf,
      config,
      bars,
      vendorId: 1,
      deviceId: 2,
      physfn: ENDPOINT,
    })
    const fn = new SimulatedMachine(topology).hardware(vf)!
    expect(read(fn, 0)).toEqual([0, 0, 0, 0])
    fn.writeBar(0, 0, Uint8Array.from(DATA))
    fn.writeConfig(COMMAND, 2, MEMORY)
    expect(read(fn, 0)).toEqual([0, 0, 0, 0])
    fn.writeBar(0, 0, Uint8Array.from(DATA))
    expect(read(fn, 0)).toEqual(DATA)
    fn.writeConfig(0x10, 4, 0xffffffff)
    expect(fn.readConfig(0x10, 4)).toBe(0)
    expect(fn.readConfig(0, 4)).toBe(0xffffffff)
  })

  it('an access outside a BAR, of another length, or to no BAR is the caller’s mistake', () => {
    const fn = smallMachine().hardware(ENDPOINT)!
    expect(() => fn.readBar(0, 0x3ffe, new Uint8Array(4))).toThrow('outside its 16384')
    expect(() => fn.readBar(0, 0, new Uint8Array(3))).toThrow('expected 1, 2, 4 or 8')
    expect(() => fn.writeBar(5, 0, new Uint8Array(4))).toThrow('0000:01:00.0 has no BAR 5')
  })
})
