import { barSizeFromProbe, ConfigSpace, decodeBars } from '@vfiokit/topology'
import { expect, test } from 'vitest'

function header(registers: readonly number[], rom: number): ConfigSpace {
  const bytes = new Uint8Array(64)
  const view = new DataView(bytes.buffer)
  registers.forEach((value, index) => void view.setUint32(0x10 + 4 * index, value, true))
  view.setUint32(0x30, rom, true)
  return new ConfigSpace(bytes)
}

test('fact 23: registers decode to BARs; the upper half of a 64-bit one is not a BAR of its own', () => {
  const registers = [0xe000000c, 0x00000040, 0xf7000000, 0x0000e001, 0x0000fff2, 0x00000008]
  const { bars, faults } = decodeBars(header(registers, 0xf7100001), 0)
  const memory = { kind: 'memory', sizeBytes: undefined }
  expect(bars).toEqual([
    { index: 0, ...memory, width: 64, prefetchable: true, address: 0x40_e0000000n },
    { index: 2, ...memory, width: 32, prefetchable: false, address: 0xf7000000n },
    { index: 3, kind: 'io', sizeBytes: undefined, width: 32, prefetchable: false, address: 0xe000n },
    { index: 4, ...memory, width: 32, prefetchable: false, address: 0xfff0n, below1M: true },
    { index: 5, ...memory, width: 32, prefetchable: true, address: 0n },
    { index: 'rom', ...memory, width: 32, prefetchable: false, address: 0xf7100000n, romEnabled: true },
  ])
  expect(faults).toEqual([])
})

test('a register of zero is not implemented', () => {
  expect(decodeBars(header([0, 0, 0, 0, 0, 0], 0), 0).bars).toEqual([])
})

test('a 64-bit type in the last register is a fault and keeps its lower half', () => {
  const { bars, faults } = decodeBars(header([0, 0, 0, 0, 0, 0xf7000004], 0), 0)
  expect(bars).toMatchObject([{ index: 5, address: 0xf7000000n }])
  expect(faults.map((fault) => fault.code)).toEqual(['bar-without-upper-half'])
})

test('a bridge has two registers, and its ROM is elsewhere', () => {
  const bytes = new Uint8Array(64)
  new DataView(bytes.buffer).setUint32(0x18, 0xf7000000, true)
  new DataView(bytes.buffer).setUint32(0x38, 0xf7100001, true)
  expect(decodeBars(new ConfigSpace(bytes), 1).bars).toMatchObject([{ index: 'rom', address: 0xf7100000n }])
})

test.each([
  ['memory', 0xfffff000, 0, 4096n],
  ['io', 0xffffffe1, 0, 32n],
  ['io', 0x0000ff01, 0, 256n],
  ['memory', 0x0000000c, 0xfffffff0, 64n * 2n ** 30n],
  ['rom', 0xfffe0001, 0, 128n * 1024n],
  ['memory', 0, 0, 0n],
  ['memory', 0xffffffff, 0, 0n],
] as const)(
  'fact 24: probing a %s BAR that reads back %d, %d gives %d bytes',
  (kind, low, high, expected) => {
    expect(barSizeFromProbe(kind, low, high)).toBe(expected)
  },
)
