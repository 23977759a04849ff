import { expect, test } from 'vitest'
import { shortened, switchesOf } from './shortened.ts'

const sequence = (text: string) => [...text]
/** Fails where an `a` comes between two `b`. */
const between = async (candidate: readonly string[]) => {
  const found = /^.*?b[^b]*a[^b]*b/.exec(candidate.join(''))
  return found === null ? undefined : [...found[0]]
}

test('what does not matter is left out, what does stays in its order', async () => {
  const best = await shortened(sequence('ccabdcbdacdbc'), between)
  expect(best.join('')).toMatch(/^b+a+b+$/)
})

test('turns that all matter are brought together', async () => {
  const both = async (candidate: readonly string[]) =>
    candidate.filter((task) => task === 'a').length === 3 && candidate.includes('b') ? candidate : undefined
  const best = await shortened(sequence('ababa'), both)
  expect(switchesOf(best)).toBe(1)
  expect(best.filter((task) => task === 'a')).toHaveLength(3)
})

test('a schedule that cannot be shortened is given back', async () => {
  expect(await shortened(sequence('abc'), async () => undefined)).toEqual(['a', 'b', 'c'])
})

test('it gives up after some hundred tries', async () => {
  let tries = 0
  await shortened(sequence('ab'.repeat(500)), async () => {
    tries++
    return undefined
  })
  expect(tries).toBe(300)
})
