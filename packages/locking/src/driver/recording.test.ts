import {
  acquire,
  effect,
  get,
  guarded,
  Mutex,
  markFaultLocks,
  type Operation,
  ProtocolError,
  type ProtocolRule,
  RwSemaphore,
  record,
  release,
  run,
  type Step,
  tryAcquire,
} from '@vfiokit/locking'
import { describe, expect, test } from 'vitest'
import { OneDevice } from '../fixtures/one-device.ts'

const fair = { fair: true }

/** The rule that an operation broke. */
function ruleBrokenBy(step: Step<unknown>): ProtocolRule | undefined {
  const { outcome } = record(step)
  return 'error' in outcome && outcome.error instanceof ProtocolError ? outcome.error.rule : undefined
}

describe('record', () => {
  test('writes down every step of an operation with its result', () => {
    const { device, lock } = new OneDevice()
    const { steps, outcome, held } = record(
      guarded([{ lock, mode: 'read' }], {
        admit: () => get(device.cells.accessible),
        act: () => effect('act', [3], () => 3),
      }),
    )
    expect(steps.map(({ op, result }) => [op.kind, op.object, result])).toEqual([
      ['acquire', 'lock:d0 (read)', undefined],
      ['get', 'accessible:d0', true],
      ['effect', 'act', 3],
      ['release', 'lock:d0 (read)', undefined],
    ])
    expect(outcome).toEqual({ value: 3 })
    expect(held.size).toBe(0)
  })

  test('records a single op', () => {
    const lock = new Mutex('m', fair)
    const { steps, outcome, held } = record(tryAcquire(lock))
    expect([steps.length, outcome, String(held)]).toEqual([1, { value: true }, 'm (write)'])
  })

  test('ends with what was thrown, and has the steps before it', () => {
    const error = new Error('boom')
    function* bad(): Operation<void> {
      yield* effect('good', [undefined], () => undefined)
      yield* effect('bad', [], () => {
        throw error
      })
    }
    const { steps, outcome } = record(bad())
    expect([steps.length, outcome]).toEqual([1, { error }])
  })

  test('says which locks were left', () => {
    const lock = new RwSemaphore('s', fair)
    expect([...record(acquire(lock, 'read')).held]).toEqual([{ lock, mode: 'read' }])
    expect(lock.readers).toBe(1)
  })
})

describe('record refuses', () => {
  test('to wait: nobody is there to release the lock; locks taken before are given back', () => {
    const [free, taken] = [new Mutex('free', fair), new Mutex('taken', fair)]
    taken.tryTake('write')
    const uses = [free, taken].map((lock) => ({ lock, mode: 'write' as const }))
    const nothing = () => effect('nothing', [true], () => true)
    expect(ruleBrokenBy(guarded(uses, { admit: nothing, act: nothing }))).toBe('would-block')
    expect(free.isIdle).toBe(true)
  })

  test('to wait behind somebody who waits', () => {
    const lock = new RwSemaphore('s', fair)
    lock.tryTake('read')
    lock.wait({ mode: 'write', granted: () => {} })
    expect(ruleBrokenBy(acquire(lock, 'read'))).toBe('would-block')
  })

  test('a release of what this operation does not hold, and leaves the lock to its holder', () => {
    const lock = new RwSemaphore('s', fair)
    lock.tryTake('read')
    expect(ruleBrokenBy(release(lock, 'read'))).toBe('released-not-held')
    expect(lock.readers).toBe(1)
  })

  test('a release in another mode than the lock is held in', () => {
    const lock = new RwSemaphore('s', fair)
    function* wrong(): Operation<void> {
      yield* acquire(lock, 'read')
      yield* release(lock, 'write')
    }
    expect(ruleBrokenBy(wrong())).toBe('released-not-held')
  })

  test('a user copy under a lock that its fault takes (H3), whether the page is there or not', () => {
    for (const present of [true, false]) {
      const { device, lock, mapping, strategy } = new OneDevice()
      markFaultLocks(strategy.readSide(device))
      if (present) mapping.insert(0)
      const copy = () => mapping.touch(0)
      const always = () => effect('yes', [true], () => true)
      expect(ruleBrokenBy(guarded([{ lock, mode: 'read' }], { admit: always, act: copy }))).toBe(
        'user-copy-under-lock',
      )
      expect(lock.isIdle).toBe(true)
      expect(record(run(copy)).outcome).toEqual({ value: 'nopage' })
    }
  })

  test('an effect that answers with a promise', () => {
    expect(ruleBrokenBy(effect('slow', [], () => Promise.resolve(1)))).toBe('async')
  })
})
