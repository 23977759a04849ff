/** Rules about features of a variant driver. */
import type { VariantFeature } from '@vfiokit/vfio-pci'
import { demandSame, done, outcomeOf } from '../demand.ts'
import type { DeviceUser } from '../device-user.ts'
import type { ChecksNamed, RegionCheck, RuleContext } from '../region-check.ts'
import { FeatureCalls } from './feature-calls.ts'
import type { VariantRuleId } from './variant-rules.ts'

const silent = ({ variant }: RuleContext) =>
  (variant.features?.size ?? 0) > 0 ? undefined : 'the driver has no features of its own'

const featureProbe: RegionCheck = {
  silent,
  check(context) {
    const { bench, user } = context.opened()
    for (const [index, feature] of context.variant.features!)
      for (const operation of ['get', 'set'] as const) {
        const outcome = outcomeOf(() => done(featuresOf(user).probe(index, operation)))
        const expected = feature[operation] === undefined ? 'EINVAL' : 'ok'
        demandSame(`a probe for ${operation} of feature ${index}`, outcome, expected)
        bench.demandNoFailure()
      }
  },
}

const featureAgain: RegionCheck = {
  needs: ['feature-probe'],
  silent,
  check(context) {
    const { bench, user } = context.opened()
    for (const [index, feature] of context.variant.features!) {
      const first = got(user, index, feature)
      demandSame(`feature ${index}, got again`, got(user, index, feature), first)
      if (feature.get !== undefined && feature.set !== undefined && first instanceof Uint8Array) {
        const outcome = outcomeOf(() => done(featuresOf(user).set(index, first)))
        demandSame(`feature ${index}, set to what it is`, outcome, 'ok')
        demandSame(`feature ${index} afterwards`, got(user, index, feature), first)
      }
      bench.demandNoFailure()
    }
  },
}

/** What a feature is, or the errno with which it says that it cannot be got now. */
export function got(
  user: DeviceUser,
  index: number,
  { get, payloadBytes }: VariantFeature,
): Uint8Array | string {
  if (get === undefined) return 'nothing'
  let payload = new Uint8Array(payloadBytes)
  const outcome = outcomeOf(() => {
    payload = done(featuresOf(user).get(index, payload)).slice(0, payloadBytes)
  })
  return outcome === 'ok' ? payload : outcome
}

function featuresOf({ calls }: DeviceUser): FeatureCalls {
  return new FeatureCalls(calls)
}

/** By id, in the order in which they are asked. */
export const FEATURE_CHECKS: ChecksNamed<'feature', VariantRuleId> = {
  'feature-probe': featureProbe,
  'feature-again': featureAgain,
}
