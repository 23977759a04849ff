import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ConfigRegisters, type WriteMasks } from './config-registers.ts'

const SIZE = 64
const space = fc.uint8Array({ minLength: SIZE, maxLength: SIZE })
const access = fc.constantFrom(1 as const, 2 as const, 4 as const).chain((width) =>
  fc.record({
    width: fc.constant(width),
    offset: fc.nat(SIZE / width - 1).map((index) => index * width),
    value: fc.nat(2 ** (8 * width) - 1),
  }),
)

function masksOf(parts: Partial<WriteMasks>): WriteMasks {
  const none = new Uint8Array(SIZE)
  return { rw: none, w1c: none, reset: none, resetTo: none, ...parts }
}

describe('ConfigRegisters', () => {
  it('after any write: rw bits hold the value, w1c bits written with 1 are 0, all others are as before', () => {
    fc.assert(
      fc.property(space, space, space, fc.array(access), (found, rw, w1cAny, accesses) => {
        const w1c = w1cAny.map((bits, offset) => bits & ~rw[offset]!)
        const registers = new ConfigRegisters(found.slice(), masksOf({ rw, w1c }))
        for (const { width, offset, value } of accesses) {
          const before = Array.from({ length: SIZE }, (_, at) => registers.read(at, 1))
          registers.write(offset, width, value)
          for (const [at, old] of before.entries()) {
            const hit = at >= offset && at < offset + width
            const written = hit ? (value >>> (8 * (at - offset))) & 0xff : old & rw[at]!
            const expected = (written & rw[at]!) | (old & ~rw[at]! & ~(hit ? written & w1c[at]! : 0) & 0xff)
            expect(registers.read(at, 1)).toBe(expected)
          }
        }
      }),
    )
  })

  it('reads little endian and unsigned at every width', () => {
    const registers = new ConfigRegisters(new Uint8Array(SIZE).fill(0xff, 4, 8), masksOf({}))
    expect(registers.read(4, 4)).toBe(0xffffffff)
    expect(registers.read(6, 2)).toBe(0xffff)
    expect(
      new ConfigRegisters(
        Uint8Array.from({ length: SIZE }, (_, i) => i),
        masksOf({}),
      ).read(4, 4),
    ).toBe(0x07060504)
  })

  it('a reset gives the marked bits their value and leaves the others', () => {
    const masks = masksOf({
      reset: new Uint8Array(SIZE).fill(0x0f, 1, 2),
      resetTo: new Uint8Array(SIZE).fill(0xf1),
    })
    const registers = new ConfigRegisters(new Uint8Array(SIZE).fill(0xaa), masks)
    registers.reset()
    expect(registers.read(0, 4)).toBe(0xaaaaa1aa)
  })

  it('refuses what a bus cannot carry: other widths, unaligned or outside offsets, values too wide', () => {
    const registers = new ConfigRegisters(new Uint8Array(SIZE), masksOf({}))
    expect(() => registers.read(0, 3 as 4)).toThrow('expected 1, 2 or 4')
    expect(() => registers.read(2, 4)).toThrow(RangeError)
    expect(() => registers.read(SIZE, 1)).toThrow(RangeError)
    expect(() => registers.read(-4, 4)).toThrow(RangeError)
    expect(() => registers.write(0, 1, 0x100)).toThrow('does not fit')
    expect(() => registers.write(0, 4, -1)).toThrow('does not fit')
    expect(() => new ConfigRegisters(new Uint8Array(8), masksOf({}))).toThrow('mask has 64 bytes')
  })
})
