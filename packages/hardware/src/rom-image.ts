/**
 * The image of a ROM of which only the beginning is known, as complete as whoever looks for images needs it.
 *
 * An image says where its data structure is, and that how long the image is and whether another follows. What of
 * that lies behind the known bytes is made up; all else there reads 0.
 */

const IMAGE_SIGNATURE = 0xaa55
const DATA_POINTER = 0x18
const DATA_SIGNATURE = 0x5249_4350
const DATA = { BYTES: 0x18, LENGTH: 0x10, INDICATOR: 0x15 } as const
const LENGTH_UNIT_BYTES = 512
const LAST_IMAGE = 0x80
/** Where an image that is made up has its data structure. */
const MADE_UP_DATA = 0x1c

/** @param first the known bytes; those behind `imageBytes` are left away */
export function romImage(imageBytes: number, first: Uint8Array): Uint8Array {
  const image = new Uint8Array(imageBytes)
  image.set(first.subarray(0, imageBytes))
  const view = new DataView(image.buffer)
  if (first.length < DATA_POINTER + 2 || view.getUint16(0, true) !== IMAGE_SIGNATURE) return image
  const data = view.getUint16(DATA_POINTER, true)
  if (data + DATA.BYTES > imageBytes) return image
  if (data + DATA.BYTES > first.length) {
    writeData(view, data, imageBytes)
    return image
  }
  const length = view.getUint16(data + DATA.LENGTH, true) * LENGTH_UNIT_BYTES
  const isLast = (view.getUint8(data + DATA.INDICATOR) & LAST_IMAGE) !== 0
  if (!isLast && length >= first.length && length + MADE_UP_DATA + DATA.BYTES <= imageBytes) {
    view.setUint16(length, IMAGE_SIGNATURE, true)
    view.setUint16(length + DATA_POINTER, MADE_UP_DATA, true)
    writeData(view, length + MADE_UP_DATA, imageBytes - length)
  }
  return image
}

function writeData(view: DataView, at: number, lengthBytes: number): void {
  view.setUint32(at, DATA_SIGNATURE, true)
  view.setUint16(at + DATA.LENGTH, lengthBytes / LENGTH_UNIT_BYTES, true)
  view.setUint8(at + DATA.INDICATOR, LAST_IMAGE)
}
