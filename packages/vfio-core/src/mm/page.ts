/** The page size of the model: 4 KiB, as on x86. */

/** Bytes in a page. */
export const PAGE_SIZE_BYTES = 4096
/** log2 of {@link PAGE_SIZE_BYTES}. */
export const PAGE_SHIFT = 12

/** How many pages `bytes` take, the last one rounded up. */
export function pagesOf(bytes: number): number {
  return Math.ceil(bytes / PAGE_SIZE_BYTES)
}

/** Which page a byte offset lies in. Not by shifting: offsets exceed 32 bits. */
export function pageOf(byteOffset: number): number {
  return Math.floor(byteOffset / PAGE_SIZE_BYTES)
}
