/** VFIO_DEVICE_FEATURE, as a user program calls it. */
import type { Operation } from '@vfiokit/locking'
import { DEVICE_FEATURE_FLAGS, type DeviceCalls } from '@vfiokit/vfio-core'

const { GET, SET, PROBE } = DEVICE_FEATURE_FLAGS
/** What can be asked of a feature. */
type FeatureOperation = 'get' | 'set'

const OPERATION_FLAGS: Readonly<Record<FeatureOperation, number>> = { get: GET, set: SET }

/** Features of one open device. */
export class FeatureCalls {
  constructor(readonly device: DeviceCalls) {}

  /** Whether it has an operation: throws if not. @throws VfioError ENOTTY, EINVAL */
  *probe(index: number, operation: FeatureOperation): Operation<void> {
    yield* this.device.feature(PROBE | OPERATION_FLAGS[operation] | index, new Uint8Array(0))
  }

  /** @param payload - What is asked for, and how much of it; what came back is answered. */
  get(index: number, payload: Uint8Array): Operation<Uint8Array> {
    return this.device.feature(GET | index, payload)
  }

  set(index: number, payload: Uint8Array): Operation<Uint8Array> {
    return this.device.feature(SET | index, payload)
  }
}
