/** Hexadecimal text and bytes, with `..` for a byte that is not known. */
import { ConfigSpace } from './config-space.ts'

/** Two digits per byte, nothing between. The text is checked by the caller. */
export function bytesOfHex(hex: string): Uint8Array {
  const bytes = new Uint8Array(hex.length / 2)
  for (let index = 0; index < bytes.length; index += 1) {
    bytes[index] = Number.parseInt(hex.slice(2 * index, 2 * index + 2), 16)
  }
  return bytes
}

/** undefined for a byte written `..`; undefined altogether for text that is not pairs of digits and dots. */
export function parseHexBytes(text: string): readonly (number | undefined)[] | undefined {
  const pairs = text.replace(/\s+/g, '').match(/../gs) ?? []
  const isWhole = pairs.join('').length === text.replace(/\s+/g, '').length
  if (!isWhole || !pairs.every((pair) => pair === '..' || /^[0-9a-f]{2}$/i.test(pair))) return undefined
  return pairs.map((pair) => (pair === '..' ? undefined : Number.parseInt(pair, 16)))
}

/** Bytes that are undefined become holes that read 0xff. */
export function configOfBytes(bytes: readonly (number | undefined)[]): ConfigSpace {
  const holes: { start: number; end: number }[] = []
  bytes.forEach((byte, offset) => {
    if (byte !== undefined) return
    const last = holes.at(-1)
    if (last?.end === offset) last.end = offset + 1
    else holes.push({ start: offset, end: offset + 1 })
  })
  return new ConfigSpace(
    Uint8Array.from(bytes, (byte) => byte ?? 0xff),
    holes,
  )
}

export function hexByte(byte: number): string {
  return byte.toString(16).padStart(2, '0')
}
