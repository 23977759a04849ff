import { READERS_WOKEN_MAX, RwSemaphore } from '@vfiokit/locking'
import { describe, expect, test } from 'vitest'
import { compareAll } from './fixtures/lock-oracle.ts'

describe('a RwSemaphore', () => {
  test.each([true, false])(
    'does what Linux does in every sequence of 6 actions of 3 tasks, fair: %s',
    (fair) => {
      expect(compareAll(() => new RwSemaphore('s', { fair }), ['read', 'write'], 6)).toBeGreaterThan(10_000)
    },
  )

  test('makes new readers queue behind a queued writer, and fails their tries', () => {
    const lock = new RwSemaphore('s', { fair: true })
    expect(lock.tryTake('read')).toBe(true)
    lock.wait({ mode: 'write', granted: () => {} })
    expect(lock.isFree('read')).toBe(true)
    expect(lock.tryTake('read')).toBe(false)
    expect([lock.readers, lock.waiting]).toEqual([1, 1])
  })

  test('wakes at most 256 readers, those behind writers too; the others wait for the last of them', () => {
    const lock = new RwSemaphore('s', { fair: true })
    const woken: string[] = []
    lock.tryTake('write')
    for (let at = 0; at < READERS_WOKEN_MAX + 2; at++) {
      if (at === 100) lock.wait({ mode: 'write', granted: () => woken.push('writer') })
      lock.wait({ mode: 'read', granted: () => woken.push(`reader ${at}`) })
    }
    lock.drop('write')
    expect(woken.length).toBe(256)
    expect(woken.at(-1)).toBe('reader 255')
    expect(lock.readers).toBe(256)
    expect(lock.waiting).toBe(3)
    for (let at = 0; at < 255; at++) lock.drop('read')
    expect(woken.length).toBe(256)
    lock.drop('read')
    expect(woken.slice(256)).toEqual(['writer'])
    lock.drop('write')
    expect(woken.slice(257)).toEqual(['reader 256', 'reader 257'])
  })

  test('has all readers as holders before the first of them is told', () => {
    const lock = new RwSemaphore('s', { fair: true })
    const seen: number[] = []
    lock.tryTake('write')
    for (let at = 0; at < 3; at++) lock.wait({ mode: 'read', granted: () => seen.push(lock.readers) })
    lock.drop('write')
    expect(seen).toEqual([3, 3, 3])
  })

  test('throws when what nobody holds is given back, and stays as it was', () => {
    const lock = new RwSemaphore('s', { fair: true })
    expect(() => lock.drop('read')).toThrow('release of s (read), which nobody holds')
    expect(() => lock.drop('write')).toThrow('release of s (write), which nobody holds')
    lock.tryTake('read')
    expect(() => lock.drop('write')).toThrow('nobody holds')
    expect(lock.readers).toBe(1)
  })
})
