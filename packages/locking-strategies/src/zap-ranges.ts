/** Ranges of several devices in one address space, as few unmaps as can be. */
import type { PageRange } from '@vfiokit/locking'

/** The same pages in the fewest ranges: those that overlap or touch become one. */
export function unionOfRanges(ranges: readonly PageRange[]): PageRange[] {
  const union: PageRange[] = []
  for (const range of [...ranges].sort((one, other) => one.first - other.first)) {
    const before = union.at(-1)
    if (before === undefined || range.first > before.last + 1) union.push(range)
    else if (range.last > before.last) union[union.length - 1] = { first: before.first, last: range.last }
  }
  return union
}

/** One range from the first page to the last; none when there are no pages. */
export function hullOfRanges(ranges: readonly PageRange[]): PageRange[] {
  const union = unionOfRanges(ranges)
  const [low, high] = [union[0], union.at(-1)]
  return low === undefined || high === undefined ? [] : [{ first: low.first, last: high.last }]
}
