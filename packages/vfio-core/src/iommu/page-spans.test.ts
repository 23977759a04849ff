import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type PageSpan, PageSpans } from './page-spans.ts'

const span = fc.tuple(fc.nat(3000), fc.integer({ min: 1, max: 5 })).map(([first, pages]) => ({
  first,
  last: first + pages - 1,
}))

test('is a list of spans without overlaps, found as a walk over all would find them', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(span, fc.boolean()), { maxLength: 2000, size: 'max' }), (steps) => {
      const spans = new PageSpans<PageSpan>()
      let naive: PageSpan[] = []
      for (const [each, adds] of steps) {
        const hit = naive.filter(({ first, last }) => first <= each.last && each.first <= last)
        expect(spans.within(each.first, each.last)).toEqual(hit)
        expect(spans.at(each.first)).toBe(hit.find(({ first }) => first <= each.first))
        if (adds && hit.length === 0) {
          spans.add(each)
          naive = [...naive, each].sort((one, other) => one.first - other.first)
        } else if (!adds) {
          for (const gone of hit) spans.remove(gone)
          naive = naive.filter((kept) => !hit.includes(kept))
        } else expect(() => spans.add(each)).toThrow(TypeError)
      }
      expect([[...spans], spans.size]).toEqual([naive, naive.length])
    }),
    { numRuns: 30 },
  )
})

test('a span that is not there cannot be removed', () => {
  const spans = new PageSpans<PageSpan>()
  spans.add({ first: 1, last: 2 })
  expect(() => spans.remove({ first: 1, last: 2 })).toThrow(TypeError)
  expect(() => spans.remove({ first: 9, last: 9 })).toThrow(TypeError)
})

test('64 thousand spans are added, found and removed in order and out of it', () => {
  const spans = new PageSpans<PageSpan>()
  const all = Array.from({ length: 65_536 }, (_, at) => ({ first: ((at * 40_503) % 65_536) * 2, last: 0 }))
  for (const each of all) spans.add({ ...each, last: each.first })
  expect(spans.size).toBe(65_536)
  expect(spans.within(0, 131_072).every(({ first }, at) => first === 2 * at)).toBe(true)
  for (const { first } of all) spans.remove(spans.at(first)!)
  expect([...spans]).toEqual([])
})
