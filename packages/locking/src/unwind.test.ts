import { effect, runLive, unwind } from '@vfiokit/locking'
import { describe, expect, test } from 'vitest'

describe('unwind', () => {
  test('runs every body in order', () => {
    const seen: number[] = []
    runLive(unwind([1, 2, 3].map((each) => () => effect('note', [undefined], () => void seen.push(each)))))
    expect(seen).toEqual([1, 2, 3])
  })

  test('runs also those behind one that throws, then throws what came first', () => {
    const seen: number[] = []
    const bodies = [1, 2, 3, 4].map(
      (each) => () =>
        effect('note', [undefined], () => {
          seen.push(each)
          if (each % 2 === 0) throw new Error(`boom ${each}`)
        }),
    )
    expect(() => runLive(unwind(bodies))).toThrow('boom 2')
    expect(seen).toEqual([1, 2, 3, 4])
  })

  test('throws undefined when that was thrown', () => {
    const thrower = () => {
      throw undefined
    }
    let thrown: unknown = 'nothing'
    try {
      runLive(unwind([thrower]))
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeUndefined()
  })
})
