/** A feature of a variant driver: bytes that can be got or set. Kernel: `device_feature`. */
import { effect, type Operation, type VfioErrno } from '@vfiokit/locking'
import { type DeviceFeature, type FeatureCall, VfioError } from '@vfiokit/vfio-core'
import type { PluginCalls } from '../plugin-calls.ts'
import type { Answer } from '../region/region.ts'

/** A member that is present is an operation that the feature has. */
export interface VariantFeature {
  /** How much payload both operations need. */
  readonly payloadBytes: number
  /** Fills the payload, or refuses. */
  get?(payload: Uint8Array): Answer
  /** Takes the payload, or refuses. */
  set?(payload: Uint8Array): Answer
}

/** What the core asks for. @param index - For messages. */
export function deviceFeature(feature: VariantFeature, index: number, calls: PluginCalls): DeviceFeature {
  const { payloadBytes } = feature
  const use = (member: 'get' | 'set') =>
    function* ({ payload }: FeatureCall): Operation<number> {
      const part = payload.subarray(0, payloadBytes)
      const errno = yield* effect<VfioErrno | undefined>(`${member} feature ${index}`, [undefined], () =>
        calls.errno(`feature ${index} ${member}`, () => feature[member]!(part)),
      )
      if (errno !== undefined) throw new VfioError(errno, 'unsupported', `feature ${index}`)
      return 0
    }
  return {
    payloadBytes,
    ...(feature.get !== undefined && { get: use('get') }),
    ...(feature.set !== undefined && { set: use('set') }),
  }
}
