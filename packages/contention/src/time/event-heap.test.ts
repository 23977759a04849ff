import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EventHeap } from './event-heap.ts'

test('events come by time, and in order of arrival where that is equal', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 200 }), (times) => {
      const heap = new EventHeap<number>()
      for (const [order, at] of times.entries()) heap.push(at, order)
      expect(heap.size).toBe(times.length)
      const expected = [...times.keys()].sort((one, other) => times[one]! - times[other]! || one - other)
      expect(expected.map(() => [heap.nextAt, heap.pop()])).toEqual(
        expected.map((order) => [times[order], order]),
      )
      expect([heap.nextAt, heap.pop()]).toEqual([Number.POSITIVE_INFINITY, undefined])
    }),
  )
})

test('events that come while others go keep their order', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.nat(20), { nil: undefined }), { maxLength: 200 }), (actions) => {
      const heap = new EventHeap<number>()
      const model: { at: number; order: number }[] = []
      for (const [order, at] of actions.entries()) {
        if (at !== undefined) {
          heap.push(at, order)
          model.push({ at, order })
          model.sort((one, other) => one.at - other.at || one.order - other.order)
        } else expect(heap.pop()).toBe(model.shift()?.order)
      }
    }),
  )
})
