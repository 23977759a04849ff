/**
 * Probabilistic concurrency testing: tasks have random priorities, and whoever is first at a few random
 * steps becomes the last. A bug that needs `depth` steps in one order is met with a probability that has a
 * floor, however rare it is under random walks.
 *
 * Burckhardt, Kothari, Musuvathi, Nagarakatti: "A Randomized Scheduler with Probabilistic Guarantees of
 * Finding Bugs" (ASPLOS 2010).
 */
import { type Runnable, randomSchedule, type Schedule } from './schedule.ts'

/** What PCT is to find. */
export interface PctOptions {
  /** Steps that have to come in one order: one change of priority fewer. 3 by default. */
  readonly depth?: number
  /** Steps that a run has, about: changes fall among the first of them. */
  readonly length: number
}

const DEPTH = 3

/** @throws RangeError for a seed that is none, and for a depth or a length below 1. */
export function pctSchedule(seed: number, { depth = DEPTH, length }: PctOptions): Schedule {
  if (!(depth >= 1 && length >= 1)) throw new RangeError(`depth ${depth} and length ${length} are at least 1`)
  const draw = randomSchedule(seed)
  const changes = Array.from({ length: depth - 1 }, () => draw(length))
  /** Highest first. */
  const order: string[] = []
  let step = 0
  const first = (runnable: readonly Runnable[]): number => {
    for (const name of order) {
      const at = runnable.findIndex((task) => task.name === name)
      if (at >= 0) return at
    }
    return 0
  }
  return (_count, runnable) => {
    for (const { name } of runnable) if (!order.includes(name)) order.splice(draw(order.length + 1), 0, name)
    const picked = first(runnable)
    if (!changes.includes(step++)) return picked
    const { name } = runnable[picked]!
    order.splice(order.indexOf(name), 1)
    order.push(name)
    return first(runnable)
  }
}
