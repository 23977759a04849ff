import { HeldLocks, Mutex, RwSemaphore } from '@vfiokit/locking'
import { describe, expect, test } from 'vitest'

const [a, b] = [new RwSemaphore('a', { fair: true }), new Mutex('b', { fair: true })]

describe('held locks', () => {
  test('are kept in the order in which they were taken', () => {
    const held = new HeldLocks()
    held.add(b, 'write')
    held.add(a, 'read')
    expect(String(held)).toBe('b (write), a (read)')
    expect([held.size, held.holds(a), held.holds(a, 'write'), held.holds(b, 'write')]).toEqual([
      2,
      true,
      false,
      true,
    ])
  })

  test('lose one use at a time, and only of the mode they were taken in', () => {
    const held = new HeldLocks()
    held.add(a, 'read')
    held.add(a, 'read')
    expect(held.remove(a, 'write')).toBe(false)
    expect(held.remove(a, 'read')).toBe(true)
    expect([...held]).toEqual([{ lock: a, mode: 'read' }])
  })

  test('are the same whatever the order, and not when one is held once more', () => {
    const held = new HeldLocks()
    held.add(a, 'read')
    held.add(b, 'write')
    expect(
      held.isSame([
        { lock: b, mode: 'write' },
        { lock: a, mode: 'read' },
      ]),
    ).toBe(true)
    expect(held.isSame([{ lock: a, mode: 'read' }])).toBe(false)
    expect(
      held.isSame([
        { lock: b, mode: 'write' },
        { lock: a, mode: 'write' },
      ]),
    ).toBe(false)
    held.add(a, 'read')
    expect(
      held.isSame([
        { lock: b, mode: 'write' },
        { lock: a, mode: 'read' },
      ]),
    ).toBe(false)
  })
})
