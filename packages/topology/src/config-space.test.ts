import { ConfigSpace } from '@vfiokit/topology'
import { expect, test } from 'vitest'

const bytes = Uint8Array.from({ length: 64 }, (_, index) => index)

test('reads are little endian and unsigned', () => {
  const config = new ConfigSpace(Uint8Array.of(0x86, 0x80, 0xff, 0xff))
  expect(config.read8(0)).toBe(0x86)
  expect(config.read16(0)).toBe(0x8086)
  expect(config.read32(0)).toBe(0xffff8086)
})

test('a byte that is not known is an error, not a value', () => {
  const config = new ConfigSpace(bytes)
  expect(config.has(60, 4)).toBe(true)
  expect(config.has(61, 4)).toBe(false)
  expect(config.has(-1, 1)).toBe(false)
  expect(() => config.read32(61)).toThrow('bytes 61 to 64 are not known (64 bytes are)')
  expect(() => config.read8(0.5)).toThrow(RangeError)
  expect(() => ConfigSpace.unknown.read8(0)).toThrow(RangeError)
})

test('a hole is not known, and everything around it is', () => {
  const config = new ConfigSpace(bytes, [{ start: 3, end: 16 }])
  expect(config.has(0, 2)).toBe(true)
  expect(config.has(2, 2)).toBe(false)
  expect(config.has(15, 1)).toBe(false)
  expect(config.has(16, 4)).toBe(true)
  expect(() => config.read16(2)).toThrow(RangeError)
  expect(() => new ConfigSpace(bytes, [{ start: 60, end: 65 }])).toThrow(RangeError)
})

test('nobody can change it', () => {
  const own = bytes.slice()
  const config = new ConfigSpace(own)
  own[0] = 0xaa
  config.bytes[1] = 0xaa
  expect(config.read16(0)).toBe(0x0100)
  expect(Object.isFrozen(config)).toBe(true)
})

test('a Buffer is copied like any other bytes', () => {
  const own = Buffer.from('xx8680'.repeat(20), 'utf8').subarray(2, 66)
  const config = new ConfigSpace(own)
  own.fill(0)
  expect(config.read16(0)).toBe(0x3638)
  expect(config.sizeBytes).toBe(64)
})

test('there is no more than 4096 bytes', () => {
  expect(() => new ConfigSpace(new Uint8Array(4097))).toThrow(RangeError)
  expect(new ConfigSpace(new Uint8Array(4096)).sizeBytes).toBe(4096)
})

test('all ones is told apart from nothing known', () => {
  expect(new ConfigSpace(new Uint8Array(256).fill(0xff)).isAllOnes).toBe(true)
  expect(ConfigSpace.unknown.isAllOnes).toBe(false)
})

test('two are equal when bytes and holes are', () => {
  const hole = [{ start: 1, end: 2 }]
  expect(new ConfigSpace(bytes, hole).equals(new ConfigSpace(bytes, hole))).toBe(true)
  expect(new ConfigSpace(bytes, hole).equals(new ConfigSpace(bytes))).toBe(false)
  expect(new ConfigSpace(bytes).equals(new ConfigSpace(bytes.slice(1)))).toBe(false)
})
