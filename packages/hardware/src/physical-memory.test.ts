import { PhysicalMemory } from '@vfiokit/hardware'
import fc from 'fast-check'
import { expect, test } from 'vitest'

const MiB = 2 ** 20

test('a window shows what its range begins with, and what another window wrote', () => {
  const memory = new PhysicalMemory([{ start: 0x1000n, sizeBytes: 0x2000, contents: Uint8Array.of(1, 2, 3) }])
  const out = new Uint8Array(4)
  memory.window(0x1001n, 16).read(0, out)
  expect([...out]).toEqual([2, 3, 0, 0])
  memory.window(0x2000n, 0x1000).write(0xfff, Uint8Array.of(9))
  memory.window(0x2ff0n, 16).read(12, out)
  expect([...out]).toEqual([0, 0, 0, 9])
})

test('a range of terabytes costs what was written of it', () => {
  const memory = new PhysicalMemory([{ start: 0n, sizeBytes: 2 ** 45 }])
  const end = memory.window(2n ** 45n - 8n, 8)
  end.write(0, Uint8Array.of(7))
  const out = new Uint8Array(8)
  end.read(0, out)
  expect(out[0]).toBe(7)
})

test.each([
  ['before it', 0xfffn, 1],
  ['behind it', 0x1000n + BigInt(MiB), 1],
  ['over its end', 0x1000n, MiB + 1],
  ['of nothing', 0x1000n, 0],
])('there is no window %s', (_where, start, sizeBytes) => {
  const memory = new PhysicalMemory([{ start: 0x1000n, sizeBytes: MiB }])
  expect(() => memory.window(start, sizeBytes)).toThrow(/no memory of/)
})

test('an access that leaves its window is refused, though there is memory', () => {
  const window = new PhysicalMemory([{ start: 0n, sizeBytes: MiB }]).window(0n, 16)
  expect(() => window.read(13, new Uint8Array(4))).toThrow('4 bytes at 13 are outside a window of 16 bytes')
  expect(() => window.write(-1, new Uint8Array(1))).toThrow(RangeError)
})

test('ranges that overlap, and contents that do not fit, are refused', () => {
  const overlap = [
    { start: 0x1000n, sizeBytes: 16 },
    { start: 0xff8n, sizeBytes: 16 },
  ]
  expect(() => new PhysicalMemory(overlap)).toThrow('memory at 0x1000 overlaps')
  expect(() => new PhysicalMemory([{ start: 0n, sizeBytes: 1, contents: new Uint8Array(2) }])).toThrow(
    RangeError,
  )
})

test('of many ranges a window lies in the one that holds it, or nowhere', () => {
  const some = fc.array(fc.record({ gap: fc.nat(3), sizeBytes: fc.integer({ min: 1, max: 4 }) }), {
    maxLength: 40,
  })
  fc.assert(
    fc.property(some, fc.nat(250), fc.integer({ min: 1, max: 6 }), (parts, start, sizeBytes) => {
      let end = 0
      const ranges = parts.map((part) => {
        const from = end + part.gap
        end = from + part.sizeBytes
        return { start: BigInt(from), sizeBytes: part.sizeBytes, contents: Uint8Array.of(part.sizeBytes) }
      })
      const holds = ranges.find(
        (each) => each.start <= start && BigInt(start + sizeBytes) <= each.start + BigInt(each.sizeBytes),
      )
      const window = () => new PhysicalMemory([...ranges].reverse()).window(BigInt(start), sizeBytes)
      if (holds === undefined) {
        expect(window).toThrow(`no memory of ${sizeBytes} bytes`)
        return
      }
      const first = new Uint8Array(1)
      window().read(0, first)
      expect(first[0]).toBe(BigInt(start) === holds.start ? holds.sizeBytes : 0)
    }),
    { numRuns: 500 },
  )
})
