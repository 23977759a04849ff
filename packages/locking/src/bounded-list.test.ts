import { BoundedList, runLive } from '@vfiokit/locking'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

interface Card {
  readonly id: string
  readonly suit: number
}
const cards: Card[] = [0, 1, 2, 3, 4].map((at) => ({ id: `c${at}`, suit: at % 2 }))

describe('a bounded list', () => {
  test('does what an array without duplicates does', () => {
    const index = fc.nat(cards.length - 1)
    const step = fc.tuple(fc.constantFrom('add', 'remove', 'has', 'first', 'first of suit 1'), index)
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const list = new BoundedList<Card>('l', () => cards)
        let model: Card[] = []
        for (const [verb, at] of steps) {
          const card = cards[at]!
          if (verb === 'add') {
            runLive(list.add(card))
            if (!model.includes(card)) model.push(card)
          } else if (verb === 'remove') {
            runLive(list.remove(card))
            model = model.filter((each) => each !== card)
          } else if (verb === 'has') expect(runLive(list.has(card))).toBe(model.includes(card))
          else if (verb === 'first') expect(runLive(list.first())).toBe(model[0])
          else
            expect(runLive(list.first(({ suit }) => suit === 1, 'suit 1'))).toBe(
              model.find(({ suit }) => suit === 1),
            )
          expect([list.size, list.contains(card)]).toEqual([model.length, model.includes(card)])
        }
      }),
    )
  })

  test('knows everything that could be in it, as it is now', () => {
    const universe = cards.slice(0, 2)
    const list = new BoundedList<Card>('l', () => universe)
    universe.push(cards[2]!)
    expect([...list.universe()]).toEqual(cards.slice(0, 3))
  })

  test('has ops that name the list and the member', () => {
    const list = new BoundedList<Card>('l', () => cards)
    expect([list.add(cards[1]!).object, list.first().object, list.first(undefined, 'p0').object]).toEqual([
      'l c1',
      'l',
      'l (p0)',
    ])
  })
})
