import { expect, test } from 'vitest'
import { percentile } from './result.ts'

test('a percentile is the nearest rank: what so many of a hundred do not exceed', () => {
  const hundred = Float64Array.from({ length: 100 }, (_, at) => at + 1)
  expect([50, 90, 99, 100].map((percent) => percentile(hundred, percent))).toEqual([50, 90, 99, 100])
  expect([50, 90].map((percent) => percentile(Float64Array.of(3, 8), percent))).toEqual([3, 8])
  expect(percentile(Float64Array.of(7), 1)).toBe(7)
  expect(percentile(new Float64Array(), 50)).toBe(0)
})
