/**
 * Where a system call copies to or from: plain bytes, or a range of the caller's own mappings.
 *
 * Copying through a mapping can fault, and the fault takes the locks of that device. So no copy is
 * done while such a lock is held (H3).
 */
import { type Operation, touch } from '@vfiokit/locking'
import { VfioError } from '../vfio-error.ts'
import { PAGE_SIZE_BYTES, pageOf } from './page.ts'
import type { Process } from './process.ts'
import type { Vma } from './vma.ts'

/** A range of user memory that is mapped from a device. */
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
 * @throws VfioError EFAULT when it is not mapped writable or its fault fails.
 */
export function* copyToUser(
  process: Process,
  buffer: UserBuffer,
  at: number,
  bytes: Uint8Array,
): Operation<void> {
  if (buffer instanceof Uint8Array) return buffer.set(bytes, at)
  for (const piece of piecesOf(process, buffer.address + at, bytes.length, 'write'))
    yield* touchPiece(piece, (offset, from, to) =>
      piece.vma.frameAt(piece.page)!.store(offset, bytes.subarray(from, to)),
    )
}

/** Copies from user memory. Kernel: `copy_from_user`. */
export function* copyFromUser(
  process: Process,
  buffer: UserBuffer,
  at: number,
  out: Uint8Array,
): Operation<void> {
  if (buffer instanceof Uint8Array) return out.set(buffer.subarray(at, at + out.length))
  for (const piece of piecesOf(process, buffer.address + at, out.length, 'read'))
    yield* touchPiece(piece, (offset, from, to) =>
      piece.vma.frameAt(piece.page)!.load(offset, out.subarray(from, to)),
    )
}

/** A stretch of user memory that lies in one page. */
interface Piece {
  readonly vma: Vma
  readonly page: number
  readonly offset: number
  readonly from: number
  readonly to: number
}

function* piecesOf(
  process: Process,
  address: number,
  lengthBytes: number,
  need: 'read' | 'write',
): Generator<Piece> {
  for (let from = 0; from < lengthBytes; ) {
    const vma = process.vmaAt(address + from)
    if (vma === undefined || !vma.protection[need])
      throw new VfioError('EFAULT', 'bad-address', `0x${(address + from).toString(16)} of ${process.id}`)
    const inVma = address + from - vma.start
    const page = pageOf(inVma)
    const offset = inVma - page * PAGE_SIZE_BYTES
    const to = Math.min(lengthBytes, from + PAGE_SIZE_BYTES - offset)
    yield { vma, page, offset, from, to }
    from = to
  }
}

function* touchPiece(
  { vma, page, offset, from, to }: Piece,
  use: (offset: number, from: number, to: number) => void,
): Operation<void> {
  const { device } = vma
  const outcome = yield* touch(
    device.strategy,
    device,
    vma,
    page,
    () => vma.backing.fault(vma, page),
    () => use(offset, from, to),
  )
  if (outcome === 'sigbus') throw new VfioError('EFAULT', 'bad-address', `page ${page} of ${vma.id} faults`)
}
