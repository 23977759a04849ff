/** SimulatedClock: the time of a machine. It stands still until somebody advances it; nothing ever waits for real. */
import type { MachineClock } from './pci-hardware.ts'

interface Timer {
  readonly dueMs: number
  readonly action: () => void
}

export class SimulatedClock implements MachineClock {
  #nowMs = 0
  /** By due time, then by order of asking. */
  readonly #timers: Timer[] = []

  get nowMs(): number {
    return this.#nowMs
  }

  after(ms: number, action: () => void): () => void {
    checkDuration(ms)
    const timer = { dueMs: this.#nowMs + ms, action }
    const later = this.#timers.findIndex(({ dueMs }) => dueMs > timer.dueMs)
    this.#timers.splice(later === -1 ? this.#timers.length : later, 0, timer)
    return () => {
      const index = this.#timers.indexOf(timer)
      if (index !== -1) this.#timers.splice(index, 1)
    }
  }

  advance(ms: number): void {
    checkDuration(ms)
    const endMs = this.#nowMs + ms
    // An action may ask for another one inside the span: the list is looked at anew each time.
    for (let next = this.#timers[0]; next !== undefined && next.dueMs <= endMs; next = this.#timers[0]) {
      this.#timers.shift()
      this.#nowMs = next.dueMs
      next.action()
    }
    this.#nowMs = endMs
  }
}

function checkDuration(ms: number): void {
  if (!(Number.isFinite(ms) && ms >= 0)) throw new RangeError(`${ms} ms: expected a duration of 0 or more`)
}
