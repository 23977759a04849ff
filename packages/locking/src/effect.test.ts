import { assert, Cell, label, progress, record, runLive, scoped, set } from '@vfiokit/locking'
import { describe, expect, test } from 'vitest'

describe('marks', () => {
  test('do nothing and name what they mark, with what is live there', () => {
    expect([label('loop').object, label('loop', 'd0', 2, true).object]).toEqual(['loop', 'loop(d0, 2, true)'])
    expect([runLive(label('loop')), runLive(progress())]).toEqual([undefined, undefined])
  })

  test('of a scope stand around it, also when it throws', () => {
    const kinds = (holds: boolean) =>
      record(scoped('outer', scoped('inner', runs(holds)))).steps.map(({ op }) => `${op.kind} ${op.object}`)
    function* runs(holds: boolean): Generator<ReturnType<typeof assert>, void> {
      yield assert('it holds', () => holds)
    }
    const around = (inside: string[]) => [
      'enter outer',
      'enter inner',
      ...inside,
      'leave inner',
      'leave outer',
    ]
    expect(kinds(true)).toEqual(around(['assert it holds']))
    expect(kinds(false)).toEqual(around([]))
  })
})

describe('an assertion', () => {
  test('is asked when the step is taken, not when it is built', () => {
    const cell = new Cell('c', [1, 2])
    const isTwo = assert('c is 2', () => cell.peek() === 2)
    expect(() => runLive(isTwo)).toThrow('assertion failed: c is 2')
    runLive(set(cell, 2))
    expect(runLive(isTwo)).toBeUndefined()
  })
})
