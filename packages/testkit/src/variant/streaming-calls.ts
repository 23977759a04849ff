/** Migration of one open device together with its data, as a VMM does it. */
import type { Operation } from '@vfiokit/locking'
import {
  call,
  FEATURE,
  MIG_FLAGS,
  MIGRATION_STATE,
  MigrationCalls,
  precopyInfo,
  VfioError,
} from '@vfiokit/vfio-core'
import { demand } from '../demand.ts'
import { FeatureCalls } from './feature-calls.ts'

const { RUNNING, STOP_COPY, RESUMING } = MIGRATION_STATE
const CHUNK_BYTES = 4096
/** A stream that is longer than 256 MiB is taken for one that never ends. */
const CHUNKS_MAX = 65_536

/** All of it that belongs to one descriptor of the device. */
export class StreamingCalls extends MigrationCalls {
  /** `MIGRATION_FLAGS` */
  *flags(): Operation<number> {
    const features = new FeatureCalls(this.device)
    const payload = yield* features.get(FEATURE.MIGRATION, new Uint8Array(MIG_FLAGS.sizeBytes))
    return Number(MIG_FLAGS.decode(payload).flags)
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

  *preCopyInfo(fd: number): Operation<void> {
    yield* precopyInfo(this.device.calls, fd)
  }

  closeData(fd: number): Operation<void> {
    return call(this.device.calls.close(fd))
  }

  /** The whole state, of a device that runs and runs again afterwards. */
  *save(): Operation<Uint8Array> {
    const fd = yield* this.setState(STOP_COPY)
    const stream = yield* this.read(fd)
    yield* this.setState(RUNNING)
    yield* this.closeData(fd)
    return stream
  }

  /** Takes the state of another device on, and runs. */
  *resume(stream: Uint8Array): Operation<void> {
    const fd = yield* this.setState(RESUMING)
    yield* this.write(fd, stream)
    yield* this.setState(RUNNING)
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
