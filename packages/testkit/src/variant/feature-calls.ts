/** VFIO_DEVICE_FEATURE, as a user program calls it. */
import type { Operation } from '@vfiokit/locking'
import {
  call,
  DEVICE_FEATURE,
  DEVICE_FEATURE_FLAGS,
  DEVICE_IOCTL,
  type DeviceCalls,
} from '@vfiokit/vfio-core'

const { GET, SET, PROBE } = DEVICE_FEATURE_FLAGS
/** What can be asked of a feature. */
type FeatureOperation = 'get' | 'set'

const OPERATION_FLAGS: Readonly<Record<FeatureOperation, number>> = { get: GET, set: SET }

/** Features of one open device. */
export class FeatureCalls {
  constructor(readonly device: DeviceCalls) {}

  /** Whether it has an operation: throws if not. @throws VfioError ENOTTY, EINVAL */
  *probe(index: number, operation: FeatureOperation): Operation<void> {
    yield* this.#use(PROBE | OPERATION_FLAGS[operation] | index, new Uint8Array(0))
  }

  /** @param payload - What is asked for, and how much of it; what came back is answered. */
  get(index: number, payload: Uint8Array): Operation<Uint8Array> {
    return this.#use(GET | index, payload)
  }

  set(index: number, payload: Uint8Array): Operation<Uint8Array> {
    return this.#use(SET | index, payload)
  }

  *#use(flags: number, payload: Uint8Array): Operation<Uint8Array> {
    const argsz = DEVICE_FEATURE.sizeBytes + payload.length
    const argument = DEVICE_FEATURE.encode({ argsz, flags }, payload.length)
    argument.set(payload, DEVICE_FEATURE.sizeBytes)
    yield* call(this.device.calls.ioctl(this.device.fd, DEVICE_IOCTL.DEVICE_FEATURE, argument))
    return argument.subarray(DEVICE_FEATURE.sizeBytes)
  }
}
