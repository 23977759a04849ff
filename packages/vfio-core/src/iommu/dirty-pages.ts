/**
 * VFIO_IOMMU_DIRTY_PAGES: which pages a device may have written. This IOMMU cannot tell, so every page
 * of a mapping counts as written. Kernel: `vfio_iommu_type1_dirty_pages`.
 */
import type { Operation } from '@vfiokit/locking'
import type { IoctlCall } from '../device-driver.ts'
import { argumentIn, requireBytes } from '../ioctl-argument.ts'
import { PAGE_SIZE_BYTES } from '../mm/page.ts'
import type { Process } from '../mm/process.ts'
import { copyFromUser, copyToUser } from '../mm/user-buffer.ts'
import { DIRTY_PAGES, DIRTY_PAGES_FLAGS, DIRTY_PAGES_GET } from '../uapi/index.ts'
import { VfioError } from '../vfio-error.ts'
import { type DmaMapping, isUnaligned, refuseWrap, spanOf, type Type1Iommu } from './type1-iommu.ts'

const { START, STOP, GET_BITMAP } = DIRTY_PAGES_FLAGS
const PAGE_BYTES = BigInt(PAGE_SIZE_BYTES)
/** A bitmap comes in words, little-endian ones. */
const WORD_BITS = 64
const WORD_BYTES = 8
/** No user memory lies behind it on x86-64. */
const USER_MEMORY_END = 2n ** 47n
/** Most pages that one bitmap covers. Kernel: `DIRTY_BITMAP_PAGES_MAX`. */
const PAGES_MAX = 2n ** 31n - 1n

/** Where a bitmap goes: user memory, one bit for each page of `pageBytes`. */
export interface BitmapTarget {
  readonly pageBytes: bigint
  readonly bytes: bigint
  readonly address: bigint
}

/** @throws VfioError as the kernel does, in the order of its checks. */
export function* dirtyPages(iommu: Type1Iommu, call: IoctlCall): Operation<number> {
  if (!iommu.isV2) throw new VfioError('EACCES', 'unsupported', 'dirty pages need type1v2')
  const { argsz, flags } = argumentIn(DIRTY_PAGES, call.argument)
  if (![START, STOP, GET_BITMAP].some((one) => one === flags))
    throw new VfioError('EINVAL', 'bad-flags', `flags 0x${flags.toString(16)}`)
  if (flags === GET_BITMAP) return yield* getBitmap(iommu, call, argsz)
  return yield* iommu.locked(track(iommu, flags === START))
}

// biome-ignore lint/correctness/useYield: runs under the lock of the container
function* track(iommu: Type1Iommu, on: boolean): Operation<number> {
  iommu.isTrackingDirtyPages = on
  return 0
}

function* getBitmap(iommu: Type1Iommu, { argument, process }: IoctlCall, argsz: number): Operation<number> {
  const end = DIRTY_PAGES.sizeBytes + DIRTY_PAGES_GET.sizeBytes
  if (argsz < end) throw new VfioError('EINVAL', 'argsz-too-small', `no range in ${argsz} bytes`)
  requireBytes(argument, end)
  const { iova, size, pgsize, bitmap_size, data } = DIRTY_PAGES_GET.decode(argument, DIRTY_PAGES.sizeBytes)
  refuseWrap(iommu.profile, iova, size)
  const target = { pageBytes: pgsize, bytes: bitmap_size, address: data }
  refuseBitmap(target, size)
  return yield* iommu.locked(copyBitmap(iommu, process, target, { iova, size }))
}

function* copyBitmap(
  iommu: Type1Iommu,
  process: Process,
  target: BitmapTarget,
  { iova, size }: { readonly iova: bigint; readonly size: bigint },
): Operation<number> {
  if (size === 0n || isUnaligned(iova) || isUnaligned(size))
    throw new VfioError('EINVAL', 'bad-alignment', `0x${iova.toString(16)} + ${size}, not in whole pages`)
  if (!iommu.isTrackingDirtyPages) throw new VfioError('EINVAL', 'unsupported', 'dirty pages are not tracked')
  const { first, last } = spanOf(iova, size)
  const hit = iommu.mappings.within(first, last)
  if (hit.some((mapping) => mapping.first < first || mapping.last > last))
    throw new VfioError('EINVAL', 'bad-address', `0x${iova.toString(16)} + ${size} cuts a mapping`)
  yield* writeDirtyBitmap(process, target, iova, hit)
  return 0
}

/**
 * Refuses a bitmap of other pages than 4 KiB, or that is too small for a range. Kernel: `verify_bitmap_size`.
 *
 * @throws VfioError EINVAL.
 */
export function refuseBitmap({ pageBytes, bytes, address }: BitmapTarget, rangeBytes: bigint): void {
  if (address + bytes > USER_MEMORY_END)
    throw new VfioError('EINVAL', 'bad-address', `a bitmap at 0x${address.toString(16)}`)
  if (pageBytes !== PAGE_BYTES) throw new VfioError('EINVAL', 'unsupported', `a bit for ${pageBytes} bytes`)
  const pages = rangeBytes / PAGE_BYTES
  const needed = ((pages + BigInt(WORD_BITS - 1)) / BigInt(WORD_BITS)) * BigInt(WORD_BYTES)
  if (pages === 0n || pages > PAGES_MAX || bytes < needed)
    throw new VfioError('EINVAL', 'bad-count', `a bitmap of ${bytes} bytes for ${pages} pages`)
}

/**
 * Sets the bit of every page that is mapped, counted from a DMA address. Whole words are written: in the
 * first one the bits before a mapping stay as they are, in the last one those behind it become 0. Kernel:
 * `update_user_bitmap`.
 *
 * @throws VfioError EFAULT for user memory that cannot be written.
 */
export function* writeDirtyBitmap(
  process: Process,
  target: BitmapTarget,
  iova: bigint,
  mappings: readonly DmaMapping[],
): Operation<void> {
  const { first: base } = spanOf(iova, PAGE_BYTES)
  for (const { first, last } of mappings) {
    const shift = (first - base) % WORD_BITS
    const bits = last - first + 1
    const place = { address: Number(target.address) + ((first - base - shift) / WORD_BITS) * WORD_BYTES }
    const words = new BigUint64Array(Math.ceil((bits + shift) / WORD_BITS))
    const bytes = new Uint8Array(words.buffer)
    const range = { ...place, lengthBytes: bytes.length }
    if (shift !== 0) yield* copyFromUser(process, range, 0, bytes.subarray(0, WORD_BYTES))
    words[0] = BigInt.asUintN(shift, words[0]!)
    for (let at = 0; at < words.length; at++) words[at]! |= ones(bits + shift, at) & ~ones(shift, at)
    yield* copyToUser(process, range, 0, bytes)
  }
}

/** Word `at` of a bitmap whose first `count` bits are set. */
function ones(count: number, at: number): bigint {
  const inWord = Math.max(0, Math.min(WORD_BITS, count - at * WORD_BITS))
  return (1n << BigInt(inWord)) - 1n
}
