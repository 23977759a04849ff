import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KeptBytes } from './migration-data.ts'

const step = fc.oneof(
  fc.record({ add: fc.uint8Array({ maxLength: 9 }) }),
  fc.record({ drop: fc.nat({ max: 12 }) }),
)

test('what is kept is what was added, without what has gone on, however it was cut', () => {
  fc.assert(
    fc.property(fc.array(step), fc.nat({ max: 20 }), (steps, length) => {
      const kept = new KeptBytes()
      let expected: number[] = []
      for (const each of steps) {
        if ('add' in each) {
          kept.add('wire', each.add)
          expected.push(...each.add)
        } else {
          kept.drop('wire', each.drop)
          expected = expected.slice(each.drop)
        }
        expect([...kept.first('wire')]).toEqual(expected)
        expect([...kept.first('wire', length)]).toEqual(expected.slice(0, length))
      }
      expect([...kept.first('another')]).toEqual([])
    }),
  )
})

test('bytes stay what they were when their buffer is used again', () => {
  const kept = new KeptBytes()
  const buffer = Uint8Array.of(1, 2)
  kept.add('wire', buffer)
  buffer.fill(0)
  expect([...kept.first('wire')]).toEqual([1, 2])
})
