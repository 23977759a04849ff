import { Cell, DerivedCell, get, runLive, set } from '@vfiokit/locking'
import { describe, expect, test } from 'vitest'

describe('a cell', () => {
  test('keeps its value itself, beginning with the first of its values', () => {
    const cell = new Cell<'off' | 'on'>('power', ['off', 'on'])
    expect([cell.peek(), runLive(get(cell))]).toEqual(['off', 'off'])
    runLive(set(cell, 'on'))
    expect([cell.peek(), runLive(get(cell))]).toEqual(['on', 'on'])
  })

  test('is whatever its backing is', () => {
    let register = 0b100
    const cell = new Cell('bit', [false, true], {
      read: () => (register & 2) !== 0,
      write: (on) => {
        register = on ? register | 2 : register & ~2
      },
    })
    expect(cell.peek()).toBe(false)
    runLive(set(cell, true))
    expect(register).toBe(0b110)
    register = 0
    expect(runLive(get(cell))).toBe(false)
  })

  test('hands out the same op again', () => {
    const cell = new Cell('c', [0, 1])
    expect(set(cell, 1)).toBe(set(cell, 1))
    expect(get(cell)).toBe(get(cell))
    expect([get(cell).object, set(cell, 1).object]).toEqual(['c', 'c := 1'])
  })

  test('has at least one value', () => {
    expect(() => new Cell('c', [])).toThrow(new RangeError('cell c has no values'))
  })
})

describe('a derived cell', () => {
  test('is computed from its sources each time it is read', () => {
    const [a, b] = [new Cell('a', [1, 2]), new Cell('b', [10, 20])]
    const sum = new DerivedCell('sum', [a, b], () => a.peek() + b.peek())
    expect(runLive(get(sum))).toBe(11)
    runLive(set(b, 20))
    expect([runLive(get(sum)), sum.peek()]).toEqual([21, 21])
  })
})
