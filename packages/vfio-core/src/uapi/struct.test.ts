import { Struct } from '@vfiokit/vfio-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const mixed = new Struct('mixed', { half: 'u16', long: 'u64', word: 'u32', signed: 's32', tail: 'u16' })
const values = fc.record({
  half: fc.integer({ min: 0, max: 0xffff }),
  long: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  word: fc.integer({ min: 0, max: 0xffff_ffff }),
  signed: fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 }),
  tail: fc.integer({ min: 0, max: 0xffff }),
})

describe('a struct', () => {
  test('aligns each field to its size, and its end to its widest field', () => {
    expect(Object.keys(mixed.fields).map((field) => mixed.offsetOf(field as 'half'))).toEqual([
      0, 8, 16, 20, 24,
    ])
    expect(mixed.sizeBytes).toBe(32)
    expect(new Struct('words', { argsz: 'u32', flags: 'u32', count: 'u32' }).sizeBytes).toBe(12)
  })

  test('reads back what was written, at any place, and touches nothing else', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 0, max: 9 }), (written, at) => {
        const bytes = new Uint8Array(mixed.sizeBytes + 20).fill(0xaa)
        mixed.write(bytes, written, at)
        expect(mixed.decode(bytes, at)).toEqual(written)
        expect(bytes.subarray(0, at).every((byte) => byte === 0xaa)).toBe(true)
        expect(bytes.subarray(at + 26).every((byte) => byte === 0xaa)).toBe(true)
        expect(mixed.decode(mixed.encode(written))).toEqual(written)
      }),
    )
  })

  test('is little-endian', () => {
    const bytes = mixed.encode({ half: 0x0102, long: 0x0102030405060708n, signed: -2 })
    expect([...bytes.subarray(0, 2)]).toEqual([2, 1])
    expect([...bytes.subarray(8, 16)]).toEqual([8, 7, 6, 5, 4, 3, 2, 1])
    expect([...bytes.subarray(20, 24)]).toEqual([0xfe, 0xff, 0xff, 0xff])
  })

  test('reads fields beyond the end of a buffer as zero and does not write them', () => {
    fc.assert(
      fc.property(values, fc.integer({ min: 0, max: 32 }), (written, length) => {
        const bytes = new Uint8Array(length)
        mixed.write(bytes, written)
        const sizes = { half: 2, long: 8, word: 4, signed: 4, tail: 2 } as const
        const read = mixed.decode(bytes)
        for (const [field, size] of Object.entries(sizes)) {
          const name = field as keyof typeof sizes
          const fits = mixed.offsetOf(name) + size <= length
          expect(read[name]).toBe(fits ? written[name] : name === 'long' ? 0n : 0)
        }
      }),
    )
  })

  test('works on a window of a larger buffer', () => {
    const whole = new Uint8Array(64)
    const window = whole.subarray(32)
    mixed.write(window, { word: 7 })
    expect(whole[32 + 16]).toBe(7)
    expect(mixed.decode(window).word).toBe(7)
  })

  test('keeps a field that is not given as it is', () => {
    const bytes = mixed.encode({ half: 1, word: 2 })
    mixed.write(bytes, { half: 3 })
    expect(mixed.decode(bytes)).toMatchObject({ half: 3, word: 2 })
  })

  test.each([
    ['half', 0x1_0000],
    ['half', -1],
    ['word', 2 ** 32],
    ['word', -(2 ** 31) - 1],
    ['signed', 2 ** 31],
    ['long', 2n ** 64n],
    ['long', -1n],
  ])('refuses %s = %s instead of cutting it off', (field, value) => {
    expect(() => mixed.encode({ [field]: value })).toThrow(RangeError)
  })

  test('takes the signed result of a bit operation for the same 32 bits', () => {
    expect(mixed.decode(mixed.encode({ word: 0x8000_0000 | 0x10de })).word).toBe(0x8000_10de)
  })

  test('knows no field of another struct', () => {
    expect(() => mixed.offsetOf('flags' as 'half')).toThrow(TypeError)
  })
})
