import { rfc2021, unmapRange, vmaList } from '@vfiokit/locking-strategies'
import { describe, expect, test } from 'vitest'
import { slot } from '../fixtures/slot.ts'
import { Model } from '../model/model.ts'
import { Machine } from './machine.ts'

const breakersOf = (...args: ConstructorParameters<typeof Model>): string[] => {
  const { tables } = new Machine(new Model(...args).program(), 'any-free-moment')
  return tables.nodes.filter((_, at) => tables.breaksLoop[at] === 1).map(({ op }) => op)
}

describe('a slot whose hot resets give up', () => {
  const size = slot({ devices: 2, faults: 2, resets: 2 })

  test.each([unmapRange, rfc2021])(
    'has no cycle of states under $name: nobody zaps in a loop',
    (strategy) => {
      expect(breakersOf(strategy, size)).toEqual([])
    },
  )

  test('has some under vma-list, which empties a list that threads fill', () => {
    expect(breakersOf(vmaList, size).length).toBeGreaterThan(0)
  })
})

test('a hot reset that tries again may go round', () => {
  const size = slot({ devices: 2, faults: 1, resets: 1, onBusy: 'retry' })
  expect(breakersOf(unmapRange, size).length).toBeGreaterThan(0)
})
