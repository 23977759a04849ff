/** Who runs next. A schedule is asked once per step with those that could take one. */
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** Picks one of `count` runnable tasks: a number from 0 to `count - 1`. */
export type Schedule = (count: number) => number

/** Every runnable task is equally likely; equal seeds give equal runs. */
export function randomSchedule(seed: number): Schedule {
  if (!Number.isSafeInteger(seed)) throw new RangeError(`seed ${seed} is not an integer`)
  const generator = xoroshiro128plus(seed)
  return (count) => (count === 1 ? 0 : uniformInt(generator, 0, count - 1))
}
