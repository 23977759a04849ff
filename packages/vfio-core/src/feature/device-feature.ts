/** What a feature of VFIO_DEVICE_FEATURE is: data that can be got, set, or only asked for. */
import type { Operation } from '@vfiokit/locking'
import { requireBytes } from '../ioctl-argument.ts'
import type { Process } from '../mm/process.ts'
import type { Fields, Struct, StructValue } from '../uapi/index.ts'

/** One use of a feature that passed every check. */
export interface FeatureCall {
  readonly process: Process
  /** What follows the header, read and written in place; at least `payloadBytes` long. */
  readonly payload: Uint8Array
}

/** A feature that a device has. A member that is present is an operation that it supports. */
export interface DeviceFeature {
  /** How much payload an operation needs. */
  readonly payloadBytes: number
  get?(call: FeatureCall): Operation<number>
  set?(call: FeatureCall): Operation<number>
}

/** The payload of a feature as a struct. */
export function payloadIn<F extends Fields>(struct: Struct<F>, { payload }: FeatureCall): StructValue<F> {
  requireBytes(payload, struct.sizeBytes)
  return struct.decode(payload)
}
