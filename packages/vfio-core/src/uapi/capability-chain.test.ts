import { CAP_HEADER, chainBytes, type InfoCapability, readChain, writeChain } from '@vfiokit/vfio-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const STRUCT_BYTES = 32
const capability: fc.Arbitrary<InfoCapability> = fc.record({
  id: fc.integer({ min: 0, max: 0xffff }),
  version: fc.integer({ min: 0, max: 0xffff }),
  body: fc.uint8Array({ maxLength: 40 }),
})
const capabilities = fc.array(capability, { maxLength: 6 })

function written(chain: readonly InfoCapability[]): Uint8Array {
  const bytes = new Uint8Array(STRUCT_BYTES + chainBytes(chain))
  writeChain(bytes, STRUCT_BYTES, chain)
  return bytes
}

describe('a capability chain', () => {
  test('is read as it was written, bodies padded with zeros to 8 bytes', () => {
    fc.assert(
      fc.property(capabilities, (chain) => {
        const read = readChain(written(chain), chain.length === 0 ? 0 : STRUCT_BYTES)
        expect(read.map(({ id, version }) => ({ id, version }))).toEqual(
          chain.map(({ id, version }) => ({ id, version })),
        )
        read.forEach(({ body }, at) => {
          const given = chain[at]!.body
          expect(body.length % 8).toBe(0)
          expect(body.length - given.length).toBeLessThan(8)
          expect([...body.subarray(0, given.length)]).toEqual([...given])
          expect(body.subarray(given.length).every((byte) => byte === 0)).toBe(true)
        })
      }),
    )
  })

  test('begins behind the struct, keeps the order, and ends with next 0', () => {
    const chain = [1, 2, 3].map((id) => ({ id, version: 1, body: new Uint8Array(5) }))
    const bytes = written(chain)
    const nexts = [32, 48, 64].map((at) => CAP_HEADER.decode(bytes, at).next)
    expect(nexts).toEqual([48, 64, 0])
    expect(chainBytes(chain)).toBe(48)
  })

  test('that is empty begins nowhere', () => {
    expect(writeChain(new Uint8Array(32), 32, [])).toBe(0)
    expect(readChain(new Uint8Array(32), 0)).toEqual([])
  })

  test('is not written into a buffer that is too short for all of it', () => {
    const chain = [{ id: 1, version: 1, body: new Uint8Array(4) }]
    const bytes = new Uint8Array(STRUCT_BYTES + chainBytes(chain) - 1)
    expect(() => writeChain(bytes, STRUCT_BYTES, chain)).toThrow(RangeError)
    expect(bytes.every((byte) => byte === 0)).toBe(true)
  })

  test('that is damaged ends, without reading beyond its bytes', () => {
    fc.assert(
      fc.property(
        capabilities.filter((chain) => chain.length > 0),
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 12 }),
        fc.nat(),
        fc.integer({ min: -8, max: 400 }),
        (chain, damages, cut, from) => {
          const bytes = written(chain)
          for (const [at, value] of damages) bytes[at % bytes.length] = value
          const short = bytes.subarray(0, cut % (bytes.length + 1))
          const read = readChain(short, from)
          const total = read.reduce((sum, { body }) => sum + CAP_HEADER.sizeBytes + body.length, 0)
          expect(total).toBeLessThanOrEqual(short.length)
        },
      ),
    )
  })

  test.each([
    ['to itself', 32],
    ['back into the struct', 8],
    ['beyond the end', 4096],
  ])('whose next leads %s has one capability', (_where, next) => {
    const bytes = written([{ id: 1, version: 1, body: new Uint8Array(8) }])
    CAP_HEADER.write(bytes, { next }, 32)
    expect(readChain(bytes, 32).map(({ id }) => id)).toEqual([1])
  })
})
