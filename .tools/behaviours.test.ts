/**
 * The behaviours T1 to T76 of vfio-pci that tests show by number: `test('T17 ...')`. Several numbers may
 * begin one name.
 */
import { expect, test } from 'vitest'
import { numbersIn, numbersShown } from './behaviour-numbers.ts'

const LAST = 76

/** Numbers that no test shows, and why. One that has a test must go from here. */
const WITHOUT_TEST: ReadonlyMap<number, string> = new Map()

const shown = numbersShown()

test('every behaviour has a test, or a reason why not', () => {
  const all = Array.from({ length: LAST }, (_, at) => at + 1)
  expect(all.filter((number) => !shown.has(number) && !WITHOUT_TEST.has(number))).toEqual([])
})

test('what is said to have no test has none', () => {
  expect([...WITHOUT_TEST.keys()].filter((number) => shown.has(number))).toEqual([])
})

test('there is no other number', () => {
  expect([...shown, ...WITHOUT_TEST.keys()].filter((number) => number < 1 || number > LAST)).toEqual([])
})

test('numbers are found in names only, one or several', () => {
  expect(numbersIn("test('T1 T23 a', f)\n  `T4 b`\n// T5 c\n'x T6 d'")).toEqual([1, 23, 4])
})
