/**
 * An open file and who keeps it open: descriptors, and mappings made through it.
 *
 * A mapping pins its file, so the last close of a device waits for the last munmap.
 */
import type { Awaitable, Operation, VfioErrno } from '@vfiokit/locking'
import type { DeviceDriver, IoctlCall, Transfer } from './device-driver.ts'
import { VfioError } from './vfio-error.ts'

/** Base of the files of containers, groups and devices. */
export abstract class OpenFile {
  #references = 1

  /** What it is, for errors: `group 6`. */
  abstract readonly title: string

  /** Released and of no use any more. */
  get isReleased(): boolean {
    return this.#references === 0
  }

  /**
   * One more descriptor or mapping. Kernel: `get_file`.
   *
   * @throws TypeError when the file was released already: a bug of the caller.
   */
  take(): void {
    this.#refuseReleased()
    this.#references++
  }

  /**
   * One less; the last one releases. Kernel: `fput`.
   *
   * @throws TypeError when the file was released already: a bug of the caller.
   */
  *drop(): Operation<void> {
    this.#refuseReleased()
    this.#references--
    if (this.#references === 0) yield* this.release()
  }

  /** What happens when nobody has the file open any more. */
  protected abstract release(): Operation<void>

  abstract ioctl(call: IoctlCall): Operation<number>

  /** What mmap of a file that is no device answers. */
  get mmapRefusal(): VfioErrno {
    return 'ENODEV'
  }

  /** Only devices can be read. */
  read(_transfer: Transfer): Operation<number> {
    throw new VfioError('EINVAL', 'not-a-device', `${this.title} cannot be read`)
  }

  /** Only devices can be written. */
  write(_transfer: Transfer): Operation<number> {
    throw new VfioError('EINVAL', 'not-a-device', `${this.title} cannot be written`)
  }

  /** See {@link DeviceDriver.readNow}: undefined means "ask read". */
  readNow(_offset: number, _out: Uint8Array): Awaitable<number> | undefined {
    return undefined
  }

  /** See {@link DeviceDriver.writeNow}. */
  writeNow(_offset: number, _data: Uint8Array): Awaitable<number> | undefined {
    return undefined
  }

  #refuseReleased(): void {
    if (this.isReleased) throw new TypeError(`${this.title} was released already`)
  }
}

/** The answer to an ioctl number that a file does not know. */
export function unknownIoctl(title: string, request: number): VfioError {
  return new VfioError('ENOTTY', 'unknown-ioctl', `${title} has no ioctl 0x${request.toString(16)}`)
}
