/** rfc-2021 as it was posted. */
import {
  type BoundedList,
  DENIED,
  type GuardedDevice,
  guarded,
  type LockingStrategy,
  type MappingHandle,
  type Operation,
  type PageRange,
  run,
  runOptional,
  type SetMember,
} from '@vfiokit/locking'
import { rfc2021 } from '../rfc-2021.ts'
import type { UnmapRangeDevice, UnmapRangeSet } from '../unmap-range.ts'

type Device = GuardedDevice<UnmapRangeDevice, UnmapRangeSet>

/** What `BAR0..BAR5` of page offsets reaches of BARs when mappings are found by frame. */
function reachedByFrame(ranges: readonly PageRange[], firstFrame: number): PageRange[] {
  return ranges
    .map(({ first, last }) => ({ first: Math.max(0, first - firstFrame), last: last - firstFrame }))
    .filter(({ last }) => last >= 0)
}

function seenByFrame(device: Device, firstFrame: number): Device {
  const { id, addressSpace, zapRanges, mappings, state, set } = device
  return { id, addressSpace, zapRanges: reachedByFrame(zapRanges, firstFrame), mappings, state, set }
}

/**
 * rfc-2021 with a zap that looks for page offsets among frames.
 *
 * @param firstFrame - Where the BARs lie, in pages. Below 6 TiB they are by luck inside of the range that
 *   is zapped.
 */
export function rfc2021KeyedByFrame(firstFrame: number): LockingStrategy<UnmapRangeDevice, UnmapRangeSet> {
  return {
    ...rfc2021,
    name: 'rfc-2021-pfn-key',
    exclude: (device, effect, body) => rfc2021.exclude(seenByFrame(device, firstFrame), effect, body),
    excludeSet: (set, members, body) => {
      const seen = members.map((member) => ({ ...member, device: seenByFrame(member.device, firstFrame) }))
      return rfc2021.excludeSet(set, seen, body)
    },
  }
}

/** The same with BARs at 8 TiB, where no page is found. */
export const rfc2021PfnKey: LockingStrategy<UnmapRangeDevice, UnmapRangeSet> = rfc2021KeyedByFrame(2 ** 31)

/** What rfc-2021-no-guard keeps per device. */
export interface WatchedDevice extends UnmapRangeDevice {
  /** No part of the protocol: which mappings have pages, to say what the kernel would say. */
  readonly populated: BoundedList<MappingHandle>
}

function* forget(device: GuardedDevice<WatchedDevice, UnmapRangeSet>): Operation<void> {
  for (const mapping of device.mappings) yield* device.state.populated.remove(mapping)
}

function forgetting(
  member: SetMember<WatchedDevice, UnmapRangeSet>,
): SetMember<WatchedDevice, UnmapRangeSet> {
  return {
    ...member,
    *locked() {
      yield* forget(member.device)
      yield* runOptional(member.locked)
    },
  }
}

/** rfc-2021 with a fault that does not look whether another was faster. */
export const rfc2021NoGuard: LockingStrategy<WatchedDevice, UnmapRangeSet> = {
  name: 'rfc-2021-no-guard',
  addressSpaces: rfc2021.addressSpaces,
  populate: rfc2021.populate,
  setState: rfc2021.setState,
  lifecycle: rfc2021.lifecycle,
  readSide: rfc2021.readSide,
  deviceState: (make, device) => ({
    ...rfc2021.deviceState(make, device),
    populated: make.mappingList(`populated:${device.id}`, device),
  }),

  *fault(device, mapping, { admit, act }) {
    const { populated } = device.state
    const outcome = yield* guarded(rfc2021.readSide(device), {
      admit,
      *act(): Operation<void> {
        if (yield* populated.has(mapping)) throw new Error(`BUG: ${mapping.id} has pages already`)
        yield* populated.add(mapping)
        yield* run(act)
      },
    })
    return outcome === DENIED ? 'sigbus' : 'nopage'
  },

  exclude: (device, effect, body) =>
    rfc2021.exclude(device, effect, function* () {
      if (effect === 'zap') yield* forget(device)
      return yield* run(body)
    }),

  excludeSet: (set, members, body) => rfc2021.excludeSet(set, members.map(forgetting), body),
}
