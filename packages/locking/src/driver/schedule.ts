/** Who runs next. A schedule is asked once per step with those that could take one. */
import { uniformInt } from 'pure-rand/distribution/uniformInt'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'

/** A task that could take a step. */
export interface Runnable {
  readonly name: string
}

/** Picks one of `count` runnable tasks: a number from 0 to `count - 1`. The list is good until it returns. */
export type Schedule = (count: number, runnable: readonly Runnable[]) => number

/** The generator keeps 32 bits of a seed. */
const SEED_MAX = 0xffff_ffff

/**
 * Every runnable task is equally likely; equal seeds give equal runs.
 *
 * @param seed - An integer from 0 to 4294967295.
 * @throws RangeError for any other number: two that differ could give one run.
 */
export function randomSchedule(seed: number): (count: number) => number {
  if (!Number.isInteger(seed) || seed < 0 || seed > SEED_MAX)
    throw new RangeError(`seed ${seed} is not an integer from 0 to ${SEED_MAX}`)
  const generator = xoroshiro128plus(scatter(seed))
  return (count) => (count === 1 ? 0 : uniformInt(generator, 0, count - 1))
}

/**
 * One 32-bit number for another, neighbours far apart: fed as they are, seeds 0 to 19 would all begin
 * with the same picks. The finalizer of MurmurHash3, which never gives two numbers the same one.
 */
function scatter(seed: number): number {
  let bits = Math.imul(seed ^ (seed >>> 16), 0x85eb_ca6b)
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2_ae35)
  return bits ^ (bits >>> 16)
}
