/** Which places of a region are looked at: all of a small one, the ends and some between of a large one. */
import { PAGE_SIZE_BYTES, pagesOf } from '@vfiokit/vfio-core'
import type { RegionArea } from '@vfiokit/vfio-pci'

/** Where an access begins and how long it is, in bytes. */
export interface AccessPoint {
  readonly offset: number
  readonly lengthBytes: number
}

const PAGES_MAX = 64
const WHOLE_MAX_BYTES = 64 * 1024
const SHAPES: readonly (readonly [offset: number, lengthBytes: number])[] = [
  [0, 1],
  [0, 2],
  [0, 4],
  [0, 8],
  [1, 1],
  [1, 2],
  [1, 3],
  [3, 5],
  [2, 4],
  [4, 7],
  [8, 16],
  [5, 4099],
]

/** Lengths that a register has. */
export const REGISTER_BYTES = [1, 2, 4, 8] as const

/** The first and the last aligned access of a length; none where it does not fit. */
export function alignedPoints(sizeBytes: number, lengthBytes: number): AccessPoint[] {
  const last = Math.floor(sizeBytes / lengthBytes) - 1
  return last < 0 ? [] : [0, last * lengthBytes].map((offset) => ({ offset, lengthBytes }))
}

/** Whether a register could be accessed so. */
export function isAligned({ offset, lengthBytes }: AccessPoint): boolean {
  return REGISTER_BYTES.some((bytes) => bytes === lengthBytes) && offset % lengthBytes === 0
}

/** First, last and evenly spread pages. */
export function sampledPages(sizeBytes: number): number[] {
  const pages = pagesOf(sizeBytes)
  if (pages <= PAGES_MAX) return [...Array(pages).keys()]
  const step = (pages - 1) / (PAGES_MAX - 1)
  return Array.from({ length: PAGES_MAX }, (_, at) => Math.round(at * step))
}

/** A small area whole; of a large one both ends: some strategies insert every page of a mapping at its first touch. */
export function sampledAreas(area: RegionArea): RegionArea[] {
  const sizeBytes = PAGES_MAX * PAGE_SIZE_BYTES
  if (area.sizeBytes <= 2 * sizeBytes) return [area]
  const last = pagesOf(area.sizeBytes) - PAGES_MAX
  return [
    { offset: area.offset, sizeBytes },
    { offset: area.offset + last * PAGE_SIZE_BYTES, sizeBytes },
  ]
}

/** Aligned, unaligned, odd and whole accesses that lie inside, counted from both ends. */
export function accessPoints(sizeBytes: number): AccessPoint[] {
  const inside = SHAPES.filter(([offset, lengthBytes]) => offset + lengthBytes <= sizeBytes)
  return [
    ...inside.map(([offset, lengthBytes]) => ({ offset, lengthBytes })),
    ...inside.map(([offset, lengthBytes]) => ({ offset: sizeBytes - offset - lengthBytes, lengthBytes })),
    { offset: 0, lengthBytes: wholeBytes(sizeBytes) },
  ]
}

/** As much of a region as is read at once. */
export function wholeBytes(sizeBytes: number): number {
  return Math.min(sizeBytes, WHOLE_MAX_BYTES)
}
