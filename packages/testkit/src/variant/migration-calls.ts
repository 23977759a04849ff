/** Migration of one open device, as a VMM does it. */
import type { Operation } from '@vfiokit/locking'
import {
  call,
  type DeviceCalls,
  FEATURE,
  MIG_DATA_SIZE,
  MIG_DEVICE_STATE,
  MIG_FLAGS,
  MIGRATION_IOCTL,
  MIGRATION_STATE,
  type MigrationState,
  PRECOPY_INFO,
  VfioError,
} from '@vfiokit/vfio-core'
import { demand } from '../demand.ts'
import { FeatureCalls } from './feature-calls.ts'

const { RUNNING, STOP_COPY, RESUMING } = MIGRATION_STATE
const CHUNK_BYTES = 4096
/** A stream that is longer than 256 MiB is taken for one that never ends. */
const CHUNKS_MAX = 65_536

/** All of it that belongs to one descriptor of the device. */
export class MigrationCalls {
  readonly #features: FeatureCalls

  constructor(readonly device: DeviceCalls) {
    this.#features = new FeatureCalls(device)
  }

  /** `MIGRATION_FLAGS` */
  *flags(): Operation<number> {
    const payload = yield* this.#features.get(FEATURE.MIGRATION, new Uint8Array(MIG_FLAGS.sizeBytes))
    return Number(MIG_FLAGS.decode(payload).flags)
  }

  *state(): Operation<number> {
    const payload = new Uint8Array(MIG_DEVICE_STATE.sizeBytes)
    return MIG_DEVICE_STATE.decode(yield* this.#features.get(FEATURE.MIG_DEVICE_STATE, payload)).device_state
  }

  /** @returns the descriptor of the data that begins there, or -1 */
  *goTo(device_state: MigrationState): Operation<number> {
    const payload = MIG_DEVICE_STATE.encode({ device_state, data_fd: -1 })
    return MIG_DEVICE_STATE.decode(yield* this.#features.set(FEATURE.MIG_DEVICE_STATE, payload)).data_fd
  }

  *sizeBytes(): Operation<bigint> {
    const payload = new Uint8Array(MIG_DATA_SIZE.sizeBytes)
    return MIG_DATA_SIZE.decode(yield* this.#features.get(FEATURE.MIG_DATA_SIZE, payload)).stop_copy_length
  }

  /** What comes until the end, or until there is nothing for now. */
  *read(fd: number): Operation<Uint8Array> {
    const chunks: Uint8Array[] = []
    for (;;) {
      const chunk = yield* this.#chunk(fd)
      if (chunk === undefined) return joined(chunks)
      chunks.push(chunk)
      demand(chunks.length < CHUNKS_MAX, `the stream has no end: ${chunks.length} reads so far`)
    }
  }

  *write(fd: number, bytes: Uint8Array): Operation<void> {
    for (let at = 0; at < bytes.length; at += CHUNK_BYTES)
      yield* call(this.device.calls.pwrite(fd, bytes.subarray(at, at + CHUNK_BYTES), 0))
  }

  *preCopyInfo(fd: number): Operation<bigint> {
    const argument = PRECOPY_INFO.encode({ argsz: PRECOPY_INFO.sizeBytes })
    yield* call(this.device.calls.ioctl(fd, MIGRATION_IOCTL.MIG_GET_PRECOPY_INFO, argument))
    const { initial_bytes, dirty_bytes } = PRECOPY_INFO.decode(argument)
    return initial_bytes + dirty_bytes
  }

  closeData(fd: number): Operation<void> {
    return call(this.device.calls.close(fd))
  }

  /** The whole state, of a device that runs and runs again afterwards. */
  *save(): Operation<Uint8Array> {
    const fd = yield* this.goTo(STOP_COPY)
    const stream = yield* this.read(fd)
    yield* this.goTo(RUNNING)
    yield* this.closeData(fd)
    return stream
  }

  /** Takes the state of another device on, and runs. */
  *resume(stream: Uint8Array): Operation<void> {
    const fd = yield* this.goTo(RESUMING)
    yield* this.write(fd, stream)
    yield* this.goTo(RUNNING)
    yield* this.closeData(fd)
  }

  *#chunk(fd: number): Operation<Uint8Array | undefined> {
    const chunk = new Uint8Array(CHUNK_BYTES)
    try {
      const count = yield* call(this.device.calls.pread(fd, chunk, 0))
      return count === 0 ? undefined : chunk.subarray(0, count)
    } catch (error) {
      if (VfioError.is(error, 'ENOMSG')) return undefined
      throw error
    }
  }
}

/** Parts, one behind the other. */
export function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
