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

/** The BARs lie at 8 TiB. Below 6 TiB their frames are by luck inside of the range that is zapped. */
const FIRST_FRAME = 2 ** 31

/** What `BAR0..BAR5` of page offsets reaches when mappings are found by frame: nothing at 8 TiB. */
function reachedByFrame(ranges: readonly PageRange[]): PageRange[] {
  return ranges
    .map(({ first, last }) => ({ first: Math.max(0, first - FIRST_FRAME), last: last - FIRST_FRAME }))
    .filter(({ last }) => last >= 0)
}

function seenByFrame({ id, addressSpace, zapRanges, mappings, state, set }: Device): Device {
  return { id, addressSpace, zapRanges: reachedByFrame(zapRanges), mappings, state, set }
}

/** rfc-2021 with a zap that looks for page offsets among frames. */
export const rfc2021PfnKey: LockingStrategy<UnmapRangeDevice, UnmapRangeSet> = {
  ...rfc2021,
  name: 'rfc-2021-pfn-key',
  exclude: (device, effect, body) => rfc2021.exclude(seenByFrame(device), effect, body),
  excludeSet: (set, members, body) => {
    const seen = members.map((member) => ({ ...member, device: seenByFrame(member.device) }))
    return rfc2021.excludeSet(set, seen, body)
  },
}

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
