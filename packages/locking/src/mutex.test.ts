import { acquire, Mutex, release } from '@vfiokit/locking'
import { describe, expect, test } from 'vitest'
import { compareAll } from './fixtures/lock-oracle.ts'

describe('a Mutex', () => {
  test.each([true, false])(
    'does what Linux does in every sequence of 8 actions of 3 tasks, fair: %s',
    (fair) => {
      expect(compareAll(() => new Mutex('m', { fair }), ['write'], 8)).toBeGreaterThan(1_000)
    },
  )

  test('throws when it is given back by nobody', () => {
    expect(() => new Mutex('m', { fair: true }).drop('write')).toThrow('release of m, which nobody holds')
  })

  test.each([false, true])('has no read mode, also when held: %s', (held) => {
    const lock = new Mutex('m', { fair: true })
    if (held) lock.tryTake('write')
    expect(() => acquire(lock, 'read')).toThrow(new TypeError('mutex m has no read mode'))
    expect(() => release(lock, 'read')).toThrow(TypeError)
    expect(() => lock.tryTake('read')).toThrow(TypeError)
    expect(() => lock.wait({ mode: 'read', granted: () => {} })).toThrow(TypeError)
    expect(lock.isFree('write')).toBe(!held)
  })

  test('is handed over in the order of the queue', () => {
    const lock = new Mutex('m', { fair: true })
    const woken: number[] = []
    lock.tryTake('write')
    for (let at = 0; at < 3; at++) lock.wait({ mode: 'write', granted: () => woken.push(at) })
    expect(lock.tryTake('write')).toBe(false)
    for (let at = 0; at < 4; at++) lock.drop('write')
    expect(woken).toEqual([0, 1, 2])
    expect(lock.isIdle).toBe(true)
  })
})
