/** The features of a device that can be migrated: flags, state, size, and what is known of pre-copy. */
import type { Operation } from '@vfiokit/locking'
import { MIGRATION_FLAGS } from '../migration/migration-state.ts'
import { FEATURE, MIG_DATA_SIZE, MIG_DEVICE_STATE, MIG_FLAGS } from '../uapi/index.ts'
import { VfioError } from '../vfio-error.ts'
import { type DeviceFeature, type FeatureCall, payloadIn } from './device-feature.ts'

/** What a driver does for a device that can be migrated. Kernel: `struct vfio_migration_ops`. */
export interface MigrationOps {
  /** MIGRATION_FLAGS. */
  readonly flags: number
  getState(): Operation<number>
  /**
   * Goes to a state, over what `migrationWay` says.
   *
   * @returns a new descriptor of the data that comes or goes, or -1 when there is none.
   * @throws VfioError when it cannot; the device is then where the kernel's driver would be.
   */
  setState(state: number, call: FeatureCall): Operation<number>
  /** About how many bytes STOP_COPY would give. */
  dataSize(): Operation<bigint>
  /** The user understands the second form of the pre-copy info. */
  usePrecopyInfoV2?(): void
}

/** The feature of that index, if it is one of migration and the device has it. */
export function migrationFeature(ops: MigrationOps | undefined, index: number): DeviceFeature | undefined {
  if (index === FEATURE.MIG_PRECOPY_INFOV2) return precopyInfo(ops)
  return ops === undefined ? undefined : FEATURES.get(index)?.(ops)
}

const FEATURES: ReadonlyMap<number, (ops: MigrationOps) => DeviceFeature> = new Map([
  [FEATURE.MIGRATION, flagsFeature],
  [FEATURE.MIG_DEVICE_STATE, stateFeature],
  [FEATURE.MIG_DATA_SIZE, sizeFeature],
])

function flagsFeature(ops: MigrationOps): DeviceFeature {
  return {
    payloadBytes: MIG_FLAGS.sizeBytes,
    // biome-ignore lint/correctness/useYield: a feature is an operation, whether it waits or not
    *get({ payload }) {
      MIG_FLAGS.write(payload, { flags: BigInt(ops.flags) })
      return 0
    },
  }
}

function stateFeature(ops: MigrationOps): DeviceFeature {
  return {
    payloadBytes: MIG_DEVICE_STATE.sizeBytes,
    *get({ payload }) {
      MIG_DEVICE_STATE.write(payload, { device_state: yield* ops.getState(), data_fd: -1 })
      return 0
    },
    *set(call) {
      const { device_state } = payloadIn(MIG_DEVICE_STATE, call)
      // A failure is answered with no descriptor too.
      MIG_DEVICE_STATE.write(call.payload, { data_fd: -1 })
      const data_fd = yield* ops.setState(device_state, call)
      MIG_DEVICE_STATE.write(call.payload, { data_fd })
      return 0
    },
  }
}

function sizeFeature(ops: MigrationOps): DeviceFeature {
  return {
    payloadBytes: MIG_DATA_SIZE.sizeBytes,
    *get({ payload }) {
      MIG_DATA_SIZE.write(payload, { stop_copy_length: yield* ops.dataSize() })
      return 0
    },
  }
}

/** It is there on every device; without pre-copy it answers EINVAL, also when it is only probed. */
function precopyInfo(ops: MigrationOps | undefined): DeviceFeature {
  if (ops === undefined || (ops.flags & MIGRATION_FLAGS.PRE_COPY) === 0)
    throw new VfioError('EINVAL', 'unsupported', 'the device has no pre-copy')
  return {
    payloadBytes: 0,
    // biome-ignore lint/correctness/useYield: a feature is an operation, whether it waits or not
    *set() {
      ops.usePrecopyInfoV2?.()
      return 0
    },
  }
}
