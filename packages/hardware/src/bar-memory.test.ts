import { BarMemory } from '@vfiokit/hardware'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'

describe('BarMemory', () => {
  it('equals a plain array under random reads and writes of any length and alignment', () => {
    const size = 3 * 4096
    const step = fc.record({
      offset: fc.nat(size - 1),
      data: fc.uint8Array({ minLength: 1, maxLength: 5000 }),
      write: fc.boolean(),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const memory = new BarMemory(size)
        const model = new Uint8Array(size)
        for (const { offset, data, write } of steps) {
          const length = Math.min(data.length, size - offset)
          if (write) {
            memory.write(offset, data.subarray(0, length))
            model.set(data.subarray(0, length), offset)
          }
          const out = new Uint8Array(length).fill(0xaa)
          memory.read(offset, out)
          expect(out).toEqual(model.subarray(offset, offset + length))
        }
      }),
    )
  })

  it('holds 128 TiB at the price of the pages that were written', () => {
    const memory = new BarMemory(2 ** 47)
    const out = new Uint8Array(4)
    memory.write(2 ** 47 - 4, Uint8Array.of(1, 2, 3, 4))
    memory.read(2 ** 40, out)
    expect([...out]).toEqual([0, 0, 0, 0])
    memory.read(2 ** 47 - 4, out)
    expect([...out]).toEqual([1, 2, 3, 4])
    expect(memory.pagesPresent).toBe(1)
  })

  it('forgets everything when cleared, the page touched last included', () => {
    const memory = new BarMemory(4096)
    memory.write(0, Uint8Array.of(7))
    memory.clear()
    const out = Uint8Array.of(9)
    memory.read(0, out)
    expect(out[0]).toBe(0)
    expect(memory.pagesPresent).toBe(0)
  })

  it('refuses accesses outside and sizes that are none', () => {
    const memory = new BarMemory(16)
    expect(() => memory.read(13, new Uint8Array(4))).toThrow(RangeError)
    expect(() => memory.write(-1, new Uint8Array(1))).toThrow(RangeError)
    expect(() => memory.read(0.5, new Uint8Array(1))).toThrow(RangeError)
    for (const size of [0, -4096, 1.5, Number.NaN]) expect(() => new BarMemory(size)).toThrow(RangeError)
  })
})
