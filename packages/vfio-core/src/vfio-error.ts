/** A failure of the modelled ABI: what a system call would return, and why in one word. */
import { ERRNO_NUMBERS, type VfioErrno } from '@vfiokit/locking'

/** Why a call failed, where one errno has many causes. A closed set; the message says the rest. */
export type VfioErrorReason =
  | 'argsz-too-small'
  | 'bad-address'
  | 'bad-alignment'
  | 'bad-count'
  | 'bad-fd'
  | 'bad-flags'
  | 'bad-index'
  | 'bad-name'
  | 'bad-offset'
  | 'bad-token'
  | 'contended'
  | 'duplicate'
  | 'entry-limit'
  | 'group-busy'
  | 'group-not-owned'
  | 'group-not-viable'
  | 'has-container'
  | 'has-iommu-type'
  | 'irq-busy'
  | 'irq-not-active'
  | 'is-mapped'
  | 'low-power'
  | 'memory-disabled'
  | 'no-container'
  | 'no-device'
  | 'no-iommu-driver'
  | 'no-mapping'
  | 'no-reset'
  | 'not-a-container'
  | 'not-a-device'
  | 'not-a-group'
  | 'not-an-eventfd'
  | 'not-an-iommufd'
  | 'not-bound'
  | 'not-in-set'
  | 'not-mappable'
  | 'not-shared'
  | 'open-failed'
  | 'plugin-failed'
  | 'plugin-refused'
  | 'range-wraps'
  | 'read-only'
  | 'reset-failed'
  | 'too-many-groups'
  | 'unknown-ioctl'
  | 'unsupported'
  | 'write-only'

/**
 * What every modelled call throws when it fails.
 *
 * @example
 * ```ts
 * import { VfioError } from '@vfiokit/vfio-core'
 *
 * const error = new VfioError('EIO', 'memory-disabled', 'BAR 0 of 0000:01:00.0')
 * console.log(error.message) // => EIO memory-disabled: BAR 0 of 0000:01:00.0
 * console.log(VfioError.is(error, 'EIO'), error.number) // => true 5
 * ```
 */
export class VfioError extends Error {
  override readonly name = 'VfioError'
  /** Also true of errors of another copy of this package. */
  readonly kind = '@vfiokit/VfioError'

  constructor(
    readonly errno: VfioErrno,
    readonly reason: VfioErrorReason,
    detail: string,
  ) {
    super(`${errno} ${reason}: ${detail}`)
  }

  /** The errno as a number, as a system call would return it (positive). */
  get number(): number {
    return ERRNO_NUMBERS[this.errno]
  }

  /** Whether something thrown is a VfioError, and of that errno. */
  static is(error: unknown, errno?: VfioErrno): error is VfioError {
    if (!(error instanceof Error) || !('kind' in error) || error.kind !== '@vfiokit/VfioError') return false
    return errno === undefined || (error as VfioError).errno === errno
  }
}
