import { expect, test } from 'vitest'
import { countText, shareText, timeText } from './units.ts'

test('numbers have three digits and a unit', () => {
  expect([0, 999, 1180, 97_619_792, 1.5e9].map(timeText)).toEqual([
    '0 ns',
    '999 ns',
    '1.18 µs',
    '97.6 ms',
    '1.5 s',
  ])
  expect([0, 3.5, 999, 32_716, 2e6].map(countText)).toEqual(['0', '3.5', '999', '32.7k', '2M'])
  expect([0, 0.16321, 1].map(shareText)).toEqual(['0 %', '16.3 %', '100 %'])
})
