import { describe, expect, it } from 'vitest'
import { romImage } from './rom-image.ts'

/** The first 512 bytes of an image, with its data structure at `data` if that lies in them. */
function first(data: number, units = 0, last = true): Uint8Array {
  const bytes = new Uint8Array(512)
  const view = new DataView(bytes.buffer)
  view.setUint16(0, 0xaa55, true)
  view.setUint16(0x18, data, true)
  if (data + 0x18 > bytes.length) return bytes
  view.setUint32(data, 0x5249_4350, true)
  view.setUint16(data + 0x10, units, true)
  view.setUint8(data + 0x15, last ? 0x80 : 0)
  return bytes
}

const at = (image: Uint8Array, offset: number, length: number): string =>
  Buffer.from(image.subarray(offset, offset + length)).toString('hex')

describe('the image of a ROM known by its beginning', () => {
  it('has its data structure where it says, with the length of the whole', () => {
    const image = romImage(0x2000, first(0x1f00))
    expect([at(image, 0, 2), at(image, 0x1f00, 4), at(image, 0x1f10, 6)]).toEqual([
      '55aa',
      '50434952',
      '100000000080',
    ])
  })

  it('goes on with one more image when the first is not the last', () => {
    const image = romImage(0x2000, first(0x1c, 8, false))
    expect([at(image, 0x1000, 2), at(image, 0x101c, 4), at(image, 0x102c, 6)]).toEqual([
      '55aa',
      '50434952',
      '080000000080',
    ])
  })

  it.each([
    ['the first is the last', first(0x1c, 8, true)],
    ['the data structure would lie behind the end', first(0x1ff0)],
    ['it is no image', new Uint8Array(512)],
    ['too little is known', Uint8Array.of(0x55, 0xaa)],
  ])('has nothing made up when %s', (_, known) => {
    const image = romImage(0x2000, known)
    expect([...image.subarray(0, known.length)]).toEqual([...known])
    expect(image.subarray(known.length).every((byte) => byte === 0)).toBe(true)
  })
})
