/** Where values lie on an axis, and which of them get a tick. */

/** One axis: values to places from 0 (its beginning) to 1 (its end). */
export interface Scale {
  /** A number outside 0 to 1 lies outside the axis; not finite where the axis has no place for it. */
  readonly place: (value: number) => number
  readonly ticks: readonly number[]
}

/** How many ticks an axis has room for. */
const TICKS_MAX = 10

/** From `from` to `to`, with ticks at equal distances, `parts` + 1 of them. */
export function linearScale(from: number, to: number, parts: number): Scale {
  const width = to - from || 1
  const ticks = Array.from({ length: parts + 1 }, (_, at) => from + (width * at) / parts)
  return { place: (value) => (value - from) / width, ticks }
}

/** Decades around some values; values that are not positive have no place. */
export function decadeScale(values: readonly number[]): Scale {
  const positive = values.filter((value) => value > 0)
  const from = Math.floor(Math.log10(Math.min(...(positive.length > 0 ? positive : [1]))))
  const to = Math.max(Math.ceil(Math.log10(Math.max(...(positive.length > 0 ? positive : [1])))), from + 1)
  const ticks = Array.from({ length: to - from + 1 }, (_, at) => 10 ** (from + at))
  return { place: (value) => (Math.log10(value) - from) / (to - from), ticks: thinned(ticks) }
}

/** The given values themselves, their logarithms at equal distances; linear when one is not positive. */
export function valueScale(values: readonly number[]): Scale {
  const sorted = [...new Set(values)].sort((one, other) => one - other)
  const isLog = sorted[0]! > 0
  const of = (value: number) => (isLog ? Math.log2(value) : value)
  const [from, to] = [of(sorted[0]!), of(sorted.at(-1)!)]
  // One value alone stands in the middle.
  const place = (value: number) => (from === to ? 0.5 : (of(value) - from) / (to - from))
  return { place, ticks: thinned(sorted) }
}

/** Every second, third, ... of too many, from the first on. */
function thinned(ticks: readonly number[]): readonly number[] {
  const step = Math.ceil(ticks.length / TICKS_MAX)
  return ticks.filter((_, at) => at % step === 0)
}
