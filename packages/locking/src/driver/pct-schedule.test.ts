import { expect, test } from 'vitest'
import { pctSchedule } from './pct-schedule.ts'

const TASKS = ['a', 'b', 'c', 'd'].map((name) => ({ name }))

/** Who runs in the first steps, everybody being able to. */
function picks(seed: number, steps: number, depth?: number): string {
  const schedule = pctSchedule(seed, { length: steps, ...(depth === undefined ? {} : { depth }) })
  return Array.from({ length: steps }, () => TASKS[schedule(TASKS.length, TASKS)]!.name).join('')
}

test('equal seeds pick alike, others differ', () => {
  expect(picks(1, 20)).toBe(picks(1, 20))
  expect(new Set(Array.from({ length: 50 }, (_, seed) => picks(seed, 20))).size).toBeGreaterThan(20)
})

test('who is first goes on until its priority changes, as often as the depth says', () => {
  for (let seed = 0; seed < 100; seed++) {
    const switches = (depth: number) =>
      [...picks(seed, 30, depth)].filter((name, at, all) => at > 0 && name !== all[at - 1]).length
    expect(switches(1)).toBe(0)
    expect(switches(2)).toBeLessThanOrEqual(1)
    expect(switches(4)).toBeLessThanOrEqual(3)
  }
})

test('each task is the first under some seed', () => {
  const first = new Set(Array.from({ length: 100 }, (_, seed) => picks(seed, 1)))
  expect([...first].sort()).toEqual(['a', 'b', 'c', 'd'])
})

test('somebody who can run is picked, whoever is missing', () => {
  const schedule = pctSchedule(3, { length: 10 })
  for (let step = 0; step < 10; step++) {
    const runnable = TASKS.slice(step % 3, (step % 3) + 1)
    expect(schedule(1, runnable)).toBe(0)
  }
})

test.each([{ depth: 0, length: 1 }, { length: 0 }, { length: Number.NaN }])('%j is refused', (options) => {
  expect(() => pctSchedule(1, options)).toThrow(RangeError)
})
