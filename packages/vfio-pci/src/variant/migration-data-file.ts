/** The file through which the state of a device comes or goes. Kernel: the `data_fd` of a migration. */
import { effect, type Operation, type VfioErrno } from '@vfiokit/locking'
import {
  copyFromUser,
  copyToUser,
  type IoctlCall,
  lengthOf,
  MIGRATION_IOCTL,
  OpenFile,
  PRECOPY_INFO,
  requireBytes,
  type Transfer,
  unknownIoctl,
  VfioError,
} from '@vfiokit/vfio-core'
import { errnoIn, type PluginCalls } from '../plugin-calls.ts'
import { synchronous } from '../region/synchronous.ts'
import type { MigrationSink, MigrationSource, PreCopyInfo } from './variant-migration.ts'

/** One stream; offsets mean nothing to it. */
export class MigrationDataFile extends OpenFile {
  readonly title: string
  /** The device was reset or closed, or left the state: what comes through is of no use any more. */
  isDiscarded = false

  constructor(
    readonly stream: MigrationSource | MigrationSink,
    readonly calls: PluginCalls,
  ) {
    super()
    this.title = `migration data of ${calls.device}`
  }

  override *ioctl({ request, argument }: IoctlCall): Operation<number> {
    const { stream } = this
    if (request !== MIGRATION_IOCTL.MIG_GET_PRECOPY_INFO || !('preCopy' in stream))
      throw unknownIoctl(this.title, request)
    requireBytes(argument, PRECOPY_INFO.sizeBytes)
    if (PRECOPY_INFO.decode(argument).argsz < PRECOPY_INFO.sizeBytes)
      throw new VfioError('EINVAL', 'argsz-too-small', this.title)
    const written = yield* this.#ask('preCopy', () => stream.preCopy!(), preCopyFields)
    PRECOPY_INFO.write(argument, written)
    return 0
  }

  /** @returns 0 at the end. */
  override *read({ process, buffer }: Transfer): Operation<number> {
    const { stream } = this
    if (!('read' in stream)) throw new VfioError('EBADF', 'write-only', this.title)
    const bytes = new Uint8Array(lengthOf(buffer))
    const count = yield* this.#ask(
      'read',
      () => stream.read(bytes),
      (answer) => {
        if (Number.isInteger(answer) && answer >= 0 && answer <= bytes.length) return answer
        throw new RangeError(`it answered ${answer} for a read of ${bytes.length} bytes`)
      },
    )
    yield* copyToUser(process, buffer, 0, bytes.subarray(0, count))
    return count
  }

  override *write({ process, buffer }: Transfer): Operation<number> {
    const { stream } = this
    if (!('write' in stream)) throw new VfioError('EBADF', 'read-only', this.title)
    const bytes = new Uint8Array(lengthOf(buffer))
    yield* copyFromUser(process, buffer, 0, bytes)
    yield* this.#ask('write', () => stream.write(bytes), errnoIn)
    return bytes.length
  }

  // biome-ignore lint/correctness/useYield: a release is an operation, whether it waits or not
  protected override *release(): Operation<void> {
    this.isDiscarded = true
  }

  /**
   * @param checked - What the answer says, if it is no errno; throws for nonsense.
   * @throws VfioError ENODEV once the data is of no use, and what the plugin answers.
   */
  *#ask<A, T>(
    member: 'read' | 'write' | 'preCopy',
    use: () => A | VfioErrno,
    checked: (answer: A) => T,
  ): Operation<T> {
    return yield* effect<T>(`migration data ${member}`, [], () => {
      if (this.isDiscarded) throw new VfioError('ENODEV', 'no-device', `${this.title} is over`)
      return this.calls.answer(`migration data ${member}`, () => {
        const answer = synchronous(use())
        if (typeof answer !== 'string') return checked(answer)
        throw new VfioError(errnoIn(answer)!, 'plugin-refused', this.title)
      })
    })
  }
}

function preCopyFields({ initialBytes, dirtyBytes }: PreCopyInfo) {
  for (const count of [initialBytes, dirtyBytes])
    if (!Number.isSafeInteger(count) || count < 0) throw new RangeError(`it answered ${count} bytes`)
  return { initial_bytes: BigInt(initialBytes), dirty_bytes: BigInt(dirtyBytes) }
}
