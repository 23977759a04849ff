/** The file through which the state of a device comes or goes. Kernel: the `data_fd` of a migration. */
import { effect, type Operation } from '@vfiokit/locking'
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
  /** The device was reset or closed: what came through is of no use any more. */
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
    const info = yield* this.#ask('preCopy', () => stream.preCopy!())
    const { initialBytes, dirtyBytes } = info as PreCopyInfo
    PRECOPY_INFO.write(argument, { initial_bytes: BigInt(initialBytes), dirty_bytes: BigInt(dirtyBytes) })
    return 0
  }

  /** @returns 0 at the end. */
  override *read({ process, buffer }: Transfer): Operation<number> {
    const { stream } = this
    if (!('read' in stream)) throw new VfioError('EBADF', 'write-only', this.title)
    const bytes = new Uint8Array(lengthOf(buffer))
    const count = yield* this.#ask('read', () => {
      const answer = stream.read(bytes)
      if (typeof answer !== 'number') return answer
      if (Number.isInteger(answer) && answer >= 0 && answer <= bytes.length) return answer
      throw new RangeError(`${answer} bytes were read into ${bytes.length}`)
    })
    yield* copyToUser(process, buffer, 0, bytes.subarray(0, count as number))
    return count as number
  }

  override *write({ process, buffer }: Transfer): Operation<number> {
    const { stream } = this
    if (!('write' in stream)) throw new VfioError('EBADF', 'read-only', this.title)
    const bytes = new Uint8Array(lengthOf(buffer))
    yield* copyFromUser(process, buffer, 0, bytes)
    yield* this.#ask('write', () => stream.write(bytes))
    return bytes.length
  }

  // biome-ignore lint/correctness/useYield: a release is an operation, whether it waits or not
  protected override *release(): Operation<void> {
    this.isDiscarded = true
  }

  /** @throws VfioError ENODEV once the data is of no use, and what the plugin answers. */
  *#ask(member: 'read' | 'write' | 'preCopy', use: () => unknown): Operation<unknown> {
    return yield* effect<unknown>(`migration data ${member}`, [], () => {
      if (this.isDiscarded) throw new VfioError('ENODEV', 'no-device', `${this.title} ended with a reset`)
      return this.calls.answer(`migration data ${member}`, () => {
        const answer = synchronous(use())
        if (answer !== undefined && typeof answer !== 'string') return answer
        const errno = errnoIn(answer)
        if (errno !== undefined) throw new VfioError(errno, 'plugin-refused', this.title)
        return undefined
      })
    })
  }
}
