/** The stream of a migration: pieces, and a checksum over the state that they make. */

/** Some bytes of the state. */
export interface Piece {
  readonly offset: number
  readonly bytes: Uint8Array
}

/** How much of BAR 0 is state. */
export const STATE_BYTES = 256
/** Offset and length, 32 bits each. */
const HEADER_BYTES = 8
/** In place of the offset of a last piece, whose length is the checksum. */
const END = 0xffff_ffff

/**
 * Pieces as bytes.
 *
 * @param isLast - A checksum follows.
 * @param state - What the checksum is of; by default what the pieces make.
 */
export function writtenPieces(
  pieces: readonly Piece[],
  isLast: boolean,
  state: Uint8Array = stateOf(pieces),
): Uint8Array {
  const sizeBytes = pieces.reduce(
    (sum, { bytes }) => sum + HEADER_BYTES + bytes.length,
    isLast ? HEADER_BYTES : 0,
  )
  const stream = new Uint8Array(sizeBytes)
  const view = new DataView(stream.buffer)
  let at = 0
  for (const { offset, bytes } of pieces) {
    view.setUint32(at, offset, true)
    view.setUint32(at + 4, bytes.length, true)
    stream.set(bytes, at + HEADER_BYTES)
    at += HEADER_BYTES + bytes.length
  }
  if (isLast) {
    view.setUint32(at, END, true)
    view.setUint32(at + 4, checksum(state), true)
  }
  return stream
}

/** The pieces of a whole stream; undefined when it is cut off, goes on, leaves the state, or has another checksum. */
export function piecesIn(stream: Uint8Array): Piece[] | undefined {
  const view = new DataView(stream.buffer, stream.byteOffset, stream.length)
  const pieces: Piece[] = []
  for (let at = 0; at + HEADER_BYTES <= stream.length; ) {
    const offset = view.getUint32(at, true)
    const length = view.getUint32(at + 4, true)
    at += HEADER_BYTES
    if (offset === END)
      return at === stream.length && length === checksum(stateOf(pieces)) ? pieces : undefined
    if (offset + length > STATE_BYTES || at + length > stream.length) return undefined
    pieces.push({ offset, bytes: stream.slice(at, at + length) })
    at += length
  }
  return undefined
}

/** What pieces make, one over the other. */
function stateOf(pieces: readonly Piece[]): Uint8Array {
  const state = new Uint8Array(Math.max(0, ...pieces.map(({ offset, bytes }) => offset + bytes.length)))
  for (const { offset, bytes } of pieces) state.set(bytes, offset)
  return state
}

/** FNV-1a. */
function checksum(bytes: Uint8Array): number {
  return bytes.reduce((hash, byte) => Math.imul(hash ^ byte, 0x0100_0193) >>> 0, 0x811c_9dc5)
}
