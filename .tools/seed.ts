/**
 * The seed of every property test, so that a run can be repeated.
 *
 * `VFIOKIT_SEED=random` draws another one; fast-check prints the seed of whatever fails.
 */
import fc from 'fast-check'

const { VFIOKIT_SEED = '20210225' } = process.env

if (VFIOKIT_SEED !== 'random') {
  if (!/^-?\d+$/.test(VFIOKIT_SEED))
    throw new RangeError(`VFIOKIT_SEED: expected an integer or "random", found "${VFIOKIT_SEED}"`)
  fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(VFIOKIT_SEED) })
}
