/**
 * Whether what a reduced search leaves out is only postponed, or left out for ever.
 *
 * A state in which some tasks were left out is in order if steps that were taken lead from it to a state
 * in which all were tried: what was left out is still to be done there, and nothing before disturbed it.
 * Where that is not so, tasks go round in a cycle while others wait; one of its states has to be made up
 * for. (Deadlocks need no such care.)
 *
 * Most states have a successor that comes later in the order of being seen, and following these ends
 * soon. So only one later successor is kept for each state, and all successors of the few that have none.
 */
import type { StateStore } from './state-store.ts'

/** Everything was tried there. */
const COMPLETE = -1

/**
 * Where the states of one search lead to. The store keeps for each state one that comes later;
 * {@link COMPLETE}; or -2 minus its number among the states that lead back only.
 */
export class PostponedTasks {
  readonly #backOnly: number[] = []
  /** For each of those, whether all was tried there meanwhile. */
  readonly #isComplete: boolean[] = []
  /** Steps of those: pairs of its number among them, and the state that the step leads to. */
  readonly #steps: number[] = []

  constructor(readonly store: StateStore) {}

  /** All tasks were tried in a state. */
  noteComplete(state: number): void {
    this.store.onward[state] = COMPLETE
  }

  /** Some tasks were tried, and a step leads to a state that comes later. */
  noteOnward(state: number, later: number): void {
    this.store.onward[state] = later
  }

  /** Some tasks were tried, and all their steps lead back to states that came before, or to itself. */
  noteBackOnly(state: number, earlier: readonly number[]): void {
    const number = this.#backOnly.push(state) - 1
    this.#isComplete.push(false)
    for (const each of earlier) this.#steps.push(number, each)
    this.store.onward[state] = -2 - number
  }

  /**
   * The states from which nothing leads to one where all was tried. They count as such from now on:
   * whoever asks makes up for them. To be asked when every state was noted.
   */
  take(): number[] {
    const ends = this.#follow()
    const leadsOn = this.#leadingOn(ends)
    const left: number[] = []
    for (const [number, state] of this.#backOnly.entries()) {
      if (leadsOn[number] === 1) continue
      left.push(state)
      this.#isComplete[number] = true
    }
    return left
  }

  /** Follows every state to where its way ends, and keeps that: the way needs not be gone again. */
  #follow(): Int32Array {
    const { onward, count } = this.store
    for (let state = count - 1; state >= 0; state--)
      if (onward[state]! >= 0) onward[state] = onward[onward[state]!]!
    return onward
  }

  /** Of each that leads back only, whether it leads to a complete state over others of its kind. */
  #leadingOn(ends: Int32Array): Uint8Array {
    const count = this.#backOnly.length
    const cameFrom = Array.from({ length: count }, (): number[] => [])
    const leadsOn = new Uint8Array(count)
    const pending: number[] = []
    const mark = (number: number) => {
      if (leadsOn[number] === 1) return
      leadsOn[number] = 1
      pending.push(number)
    }
    for (let number = 0; number < count; number++) if (this.#isComplete[number]) mark(number)
    for (let at = 0; at < this.#steps.length; at += 2) {
      const end = ends[this.#steps[at + 1]!]!
      if (end === COMPLETE) mark(this.#steps[at]!)
      else cameFrom[-2 - end]!.push(this.#steps[at]!)
    }
    for (let number = pending.pop(); number !== undefined; number = pending.pop())
      for (const before of cameFrom[number]!) mark(before)
    return leadsOn
  }
}
