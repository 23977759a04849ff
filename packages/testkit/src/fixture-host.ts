/** What a fixture says of the hosts that its card is plugged into. */
import type { AnyLockingStrategy } from '@vfiokit/locking'
import { STRATEGIES } from '@vfiokit/locking-strategies'
import { KERNEL_VERSIONS, type KernelVersion } from '@vfiokit/vfio-core'
import type { RegionFixture } from './region-fixture.ts'

/**
 * The kernel under which rules are asked.
 *
 * @throws RangeError when the fixture leaves none, or names one under which there is nothing to ask.
 */
export function kernelOf({ kernel, nothingUnder = [] }: RegionFixture): KernelVersion {
  const found = kernel ?? KERNEL_VERSIONS.findLast((version) => !nothingUnder.includes(version))
  if (found === undefined) throw new RangeError('nothingUnder names every kernel: there is nothing to test')
  if (nothingUnder.includes(found))
    throw new RangeError(`kernel is ${found}, and so is one of nothingUnder: there is nothing to test`)
  return found
}

/** What the card is run live under. */
export function strategiesOf({ strategies = STRATEGIES }: RegionFixture): readonly AnyLockingStrategy[] {
  return strategies
}
