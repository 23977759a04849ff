/** One line on a terminal that says how far something has come. */
import type { Terminal } from '../terminal.ts'

/** Shown that often. */
const EVERY_MS = 200

/** Written over and over again; nothing is written where stderr is no terminal. */
export class ProgressLine {
  readonly #err: Terminal['err']
  #shownMs = 0

  constructor({ err }: Terminal) {
    this.#err = err
  }

  /** Shows a text, unless another one was shown just now. */
  show(text: string): void {
    if (this.#err.isTTY !== true || Date.now() - this.#shownMs < EVERY_MS) return
    this.#shownMs = Date.now()
    this.#err.write(`\r${text}\u001b[K`)
  }

  /** Leaves the line empty. */
  clear(): void {
    if (this.#shownMs > 0) this.#err.write('\r\u001b[K')
  }
}
