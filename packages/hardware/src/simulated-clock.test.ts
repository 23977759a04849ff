import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { SimulatedClock } from './simulated-clock.ts'

describe('SimulatedClock', () => {
  it('does what is due in order of time, then of asking, each at its own time', () => {
    const clock = new SimulatedClock()
    const done: string[] = []
    const note = (name: string) => () => void done.push(`${name}@${clock.nowMs}`)
    clock.after(20, note('late'))
    clock.after(10, note('first'))
    clock.after(10, note('second'))
    clock.advance(9)
    expect(done).toEqual([])
    clock.advance(11)
    expect(done).toEqual(['first@10', 'second@10', 'late@20'])
  })

  it('does what an action asks for inside the span, too', () => {
    const clock = new SimulatedClock()
    const done: number[] = []
    const again = (): void => {
      done.push(clock.nowMs)
      clock.after(10, again)
    }
    clock.after(0, again)
    clock.advance(25)
    expect(done).toEqual([0, 10, 20])
    expect(clock.nowMs).toBe(25)
  })

  it('what was taken back does not happen', () => {
    const clock = new SimulatedClock()
    const take = clock.after(5, () => expect.unreachable())
    take()
    take()
    clock.advance(10)
  })

  it('refuses to go back', () => {
    const clock = new SimulatedClock()
    expect(() => clock.advance(-1)).toThrow(RangeError)
    expect(() => clock.after(Number.NaN, () => {})).toThrow(RangeError)
  })

  it('any split of a span does the same', () => {
    const delays = fc.array(fc.nat(50), { maxLength: 12 })
    fc.assert(
      fc.property(delays, fc.array(fc.nat(20), { minLength: 1, maxLength: 8 }), (due, spans) => {
        const run = (parts: readonly number[]): string[] => {
          const clock = new SimulatedClock()
          const done: string[] = []
          for (const [index, ms] of due.entries()) clock.after(ms, () => done.push(`${index}@${clock.nowMs}`))
          for (const ms of parts) clock.advance(ms)
          return done
        }
        expect(run(spans)).toEqual(run([spans.reduce((sum, ms) => sum + ms, 0)]))
      }),
    )
  })
})
