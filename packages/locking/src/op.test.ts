import { effect, type Operation, record, run, runLive, runOptional } from '@vfiokit/locking'
import { describe, expect, test } from 'vitest'

const five = () => effect('five', [5], () => 5)
function* six(): Operation<number> {
  return (yield* five()) + 1
}

describe('a body', () => {
  test('may be one op or a whole operation', () => {
    expect([runLive(run(five)), runLive(run(six))]).toEqual([5, 6])
  })

  test('may be absent where that is allowed', () => {
    expect([runLive(runOptional(six)), runLive(runOptional(undefined))]).toEqual([6, undefined])
  })
})

describe('an op', () => {
  test('is inert: building it does nothing, and it can be yielded again', () => {
    let done = 0
    const op = effect('count', [], () => ++done)
    function* twice(): Operation<number[]> {
      return [yield* op, yield* op]
    }
    expect(done).toBe(0)
    expect(runLive(twice())).toEqual([1, 2])
  })

  test('throws what its step throws, through every level that yields it', () => {
    const error = new Error('boom')
    const bad = () =>
      effect('bad', [], () => {
        throw error
      })
    expect(record(run(() => run(bad))).outcome).toEqual({ error })
    expect(() => runLive(run(() => run(bad)))).toThrow(error)
  })
})
