import { randomSchedule } from '@vfiokit/locking'
import { describe, expect, test } from 'vitest'

const picks = (seed: number, count: number, times: number) => {
  const schedule = randomSchedule(seed)
  return Array.from({ length: times }, () => schedule(count))
}

describe('a random schedule', () => {
  test('is equal for equal seeds and differs between neighbours', () => {
    for (const seed of [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]) {
      expect(picks(seed, 4, 100)).toEqual(picks(seed, 4, 100))
      expect(picks(seed, 4, 100)).not.toEqual(picks((seed + 1) % 0x1_0000_0000, 4, 100))
    }
  })

  test('picks each of the runnable tasks about as often', () => {
    const counts = [0, 0, 0]
    for (const pick of picks(7, 3, 30_000)) counts[pick]!++
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500)
  })

  test('begins differently for neighbouring seeds: five picks of two go every way', () => {
    const beginnings = Array.from({ length: 320 }, (_, seed) => picks(seed, 2, 5).join(''))
    const counts = new Map<string, number>()
    for (const beginning of beginnings) counts.set(beginning, (counts.get(beginning) ?? 0) + 1)
    expect(counts.size).toBe(32)
    expect(Math.max(...counts.values())).toBeLessThan(30)
  })

  test('draws nothing when there is no choice', () => {
    const [a, b] = [randomSchedule(5), randomSchedule(5)]
    a(1)
    expect(Array.from({ length: 20 }, () => a(9))).toEqual(Array.from({ length: 20 }, () => b(9)))
  })

  test('refuses a seed of which it would keep only a part', () => {
    for (const seed of [-1, 0x1_0000_0000, 0.5, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => randomSchedule(seed)).toThrow(RangeError)
  })
})
