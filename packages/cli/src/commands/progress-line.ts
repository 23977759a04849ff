/** What takes long is driven slice by slice, and a line on a terminal says how far it has come. */
import type { Terminal } from '../terminal.ts'

/** Shown that often. */
const EVERY_MS = 200

/**
 * Drives slices to their end. Between them the event loop gets its turn, or an interrupt would never be seen.
 *
 * @param describe - How far it is, in words.
 */
export async function driven<P, R>(
  slices: Generator<P, R> | AsyncGenerator<P, R>,
  terminal: Terminal,
  describe: (progress: P) => string,
): Promise<R> {
  const line = new ProgressLine(terminal)
  for (;;) {
    const next = await slices.next()
    if (next.done) {
      line.clear()
      return next.value
    }
    await new Promise((resume) => setImmediate(resume))
    line.show(describe(next.value))
  }
}

/** Written over and over again; nothing is written where stderr is no terminal. */
class ProgressLine {
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
