/** The state of the sample card: registers at the front of BAR 0. */
import type { RegionBar } from '@vfiokit/plugin'
import { type Piece, STATE_BYTES } from './stream.ts'

const WORD_BYTES = 4

/** Registers, read and written word by word. */
export class Card {
  constructor(readonly registers: RegionBar) {}

  state(): Uint8Array {
    const state = new Uint8Array(STATE_BYTES)
    for (let at = 0; at < STATE_BYTES; at += WORD_BYTES)
      this.registers.read(at, state.subarray(at, at + WORD_BYTES))
    return state
  }

  /** Words that are others by now. */
  changesSince(known: Uint8Array): Piece[] {
    const now = this.state()
    const pieces: Piece[] = []
    for (let offset = 0; offset < STATE_BYTES; offset += WORD_BYTES) {
      const bytes = now.subarray(offset, offset + WORD_BYTES)
      if (bytes.some((byte, at) => byte !== known[offset + at])) pieces.push({ offset, bytes })
    }
    return pieces
  }

  /** Whether all of it is whole words. */
  takes(pieces: readonly Piece[]): boolean {
    return pieces.every(({ offset, bytes }) => offset % WORD_BYTES === 0 && bytes.length % WORD_BYTES === 0)
  }

  load(pieces: readonly Piece[]): void {
    for (const { offset, bytes } of pieces)
      for (let at = 0; at < bytes.length; at += WORD_BYTES)
        this.registers.write(offset + at, bytes.subarray(at, at + WORD_BYTES))
  }
}
