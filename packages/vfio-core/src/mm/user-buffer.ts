/**
 * Where a system call copies to or from: plain bytes, or a range of the caller's own mappings.
 *
 * Copying through a mapping can fault, and the fault takes the locks of that device. So no copy is
 * done while such a lock is held (H3).
 */
import type { Operation } from '@vfiokit/locking'
import { VfioError } from '../vfio-error.ts'
import type { Frame } from './frame.ts'
import { PAGE_SIZE_BYTES, pageOf } from './page.ts'
import { touchPage } from './page-touch.ts'
import type { Process } from './process.ts'
import { allows } from './vma.ts'

/** A range of user memory: mapped from a device, or the process's own. */
export interface UserRange {
  readonly address: number
  readonly lengthBytes: number
}

/** Bytes that belong to nobody's map, or user memory. */
export type UserBuffer = Uint8Array | UserRange

/** How many bytes a buffer has. */
export function lengthOf(buffer: UserBuffer): number {
  return buffer instanceof Uint8Array ? buffer.length : buffer.lengthBytes
}

/**
 * Copies to user memory at `at` bytes into the buffer. Kernel: `copy_to_user`.
 *
 * @throws VfioError EFAULT when it is not mapped writable or its fault fails; what came before was copied.
 * @throws RangeError when the buffer ends before the bytes do.
 */
export function* copyToUser(
  process: Process,
  buffer: UserBuffer,
  at: number,
  bytes: Uint8Array,
): Operation<void> {
  refuseBeyond(buffer, at, bytes.length)
  if (buffer instanceof Uint8Array) return buffer.set(bytes, at)
  yield* copyPages(process, buffer.address + at, bytes.length, 'write', (frame, offset, from, to) =>
    frame.store(offset, bytes.subarray(from, to)),
  )
}

/**
 * Copies from user memory. Kernel: `copy_from_user`.
 *
 * @throws VfioError EFAULT when it is not mapped readable or its fault fails.
 * @throws RangeError when the buffer ends before `out` does.
 */
export function* copyFromUser(
  process: Process,
  buffer: UserBuffer,
  at: number,
  out: Uint8Array,
): Operation<void> {
  refuseBeyond(buffer, at, out.length)
  if (buffer instanceof Uint8Array) return out.set(buffer.subarray(at, at + out.length))
  yield* copyPages(process, buffer.address + at, out.length, 'read', (frame, offset, from, to) =>
    frame.load(offset, out.subarray(from, to)),
  )
}

function refuseBeyond(buffer: UserBuffer, at: number, lengthBytes: number): void {
  if (at < 0 || at + lengthBytes > lengthOf(buffer))
    throw new RangeError(`${lengthBytes} bytes at ${at} of a buffer of ${lengthOf(buffer)}`)
}

/** What is done with the part `from..to` of a copy, which lies at an offset of one page. */
type CopyPart = (frame: Frame, offset: number, from: number, to: number) => void

function* copyPages(
  process: Process,
  address: number,
  lengthBytes: number,
  need: 'read' | 'write',
  copy: CopyPart,
): Operation<void> {
  for (let from = 0; from < lengthBytes; ) {
    const area = process.areaAt(address + from)
    if (area === undefined || !allows(area.protection, need))
      throw new VfioError('EFAULT', 'bad-address', `0x${(address + from).toString(16)} of ${process.id}`)
    const page = pageOf(address + from - area.start)
    const offset = (address + from) % PAGE_SIZE_BYTES
    const to = Math.min(lengthBytes, from + PAGE_SIZE_BYTES - offset)
    const start = from
    const outcome = yield* touchPage(area, page, need, (frame) => copy(frame, offset, start, to))
    if (outcome === 'sigbus')
      throw new VfioError('EFAULT', 'bad-address', `page ${page} of ${area.id} faults`)
    // Otherwise the mapping changed under the copy: the same part again, by what is mapped now.
    if (outcome === 'nopage') from = to
  }
}
