/** Numbers as people read them: three digits, and a unit. */

const DIGITS = 3
const PREFIXES: readonly (readonly [from: number, prefix: string])[] = [
  [1e9, 'G'],
  [1e6, 'M'],
  [1e3, 'k'],
]
const TIMES: readonly (readonly [from: number, unit: string])[] = [
  [1e9, 's'],
  [1e6, 'ms'],
  [1e3, 'µs'],
]

/** Nanoseconds as `1.18 µs`. */
export function timeText(ns: number): string {
  for (const [from, unit] of TIMES) if (ns >= from) return `${digits(ns / from)} ${unit}`
  return `${digits(ns)} ns`
}

/** A number as `32.7k`. */
export function countText(value: number): string {
  for (const [from, prefix] of PREFIXES) if (value >= from) return `${digits(value / from)}${prefix}`
  return digits(value)
}

/** A share as `16.3 %`. */
export function shareText(share: number): string {
  return `${digits(share * 100)} %`
}

function digits(value: number): string {
  return String(Number(value.toPrecision(DIGITS)))
}
