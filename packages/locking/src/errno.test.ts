import { constants } from 'node:os'
import { ERRNO_NUMBERS } from '@vfiokit/locking'
import { describe, expect, test } from 'vitest'

describe('the errno table', () => {
  test('has the numbers of the system it runs on, if that is Linux', () => {
    const system: Readonly<Record<string, number>> = constants.errno
    const known = Object.entries(ERRNO_NUMBERS).filter(([name]) => name in system)
    expect(known.length).toBeGreaterThanOrEqual(Object.keys(ERRNO_NUMBERS).length - 1)
    if (process.platform === 'linux')
      for (const [name, number] of known) expect([name, number]).toEqual([name, system[name]])
  })

  test('has each number once', () => {
    const numbers = Object.values(ERRNO_NUMBERS)
    expect(new Set(numbers).size).toBe(numbers.length)
  })
})
