import { acquire, type Lock, LockRegistry, type Operation, release, tryAcquire } from '@vfiokit/locking'
import { rfc2021, unmapRange, vmaList } from '@vfiokit/locking-strategies'
import { naive } from '@vfiokit/locking-strategies/canaries'
import { describe, expect, test } from 'vitest'
import { slot } from '../fixtures/slot.ts'
import { Model } from '../model/model.ts'
import { makeProgram, type TaskSource } from '../program/program.ts'
import { lockdep } from './lockdep.ts'

const registry = new LockRegistry({ fair: false })
const [a, b, gate] = [registry.rwsem('a'), registry.rwsem('b'), registry.mutex('gate')]

function task(name: string, body: () => Operation<void>): TaskSource {
  return { name, kind: name, make: body }
}

function* inside(outer: Lock, body: Operation<void>, mode: 'read' | 'write' = 'write'): Operation<void> {
  yield* acquire(outer, mode)
  yield* body
  yield* release(outer, mode)
}

function* alone(lock: Lock, mode: 'read' | 'write' = 'write'): Operation<void> {
  yield* acquire(lock, mode)
  yield* release(lock, mode)
}

const inOrder = task('in order', () => inside(a, alone(b)))
const inverted = task('inverted', () => inside(b, alone(a)))

describe('a cycle', () => {
  test('of two orders is found, with who holds what', () => {
    expect(lockdep(makeProgram([inOrder, inverted]))).toMatchObject({
      verdict: 'deadlock',
      property: 'lock-order',
      message:
        'a cycle of locks: in order holds a (write) and waits for b (write); ' +
        'inverted holds b (write) and waits for a (write)',
    })
  })

  test('that a gate keeps apart is none', () => {
    const gated = [
      task('one', () => inside(gate, inside(a, alone(b)))),
      task('two', () => inside(gate, inside(b, alone(a)))),
    ]
    expect(lockdep(makeProgram(gated)).verdict).toBe('ok')
  })

  test('of tries is none: a try waits for nobody', () => {
    const tries = task('tries', function* () {
      yield* acquire(b)
      if (yield* tryAcquire(a)) yield* release(a)
      yield* release(b)
    })
    expect(lockdep(makeProgram([inOrder, tries])).verdict).toBe('ok')
  })

  test('of one task with itself is none', () => {
    const both = task('both', function* () {
      yield* inside(a, alone(b))
      yield* inside(b, alone(a))
    })
    expect(lockdep(makeProgram([both])).verdict).toBe('ok')
    expect(lockdep(makeProgram([both, { ...both, name: 'both too' }])).verdict).toBe('deadlock')
  })

  test('of readers is one only where a writer may queue between them, and locks are fair', () => {
    const readers = [
      task('one', () => inside(a, alone(b, 'read'), 'read')),
      task('two', () => inside(b, alone(a, 'read'), 'read')),
    ]
    const writers = [task('writes a', () => alone(a)), task('writes b', () => alone(b))]
    expect(lockdep(makeProgram(readers), 'queue-fair').verdict).toBe('ok')
    expect(lockdep(makeProgram([...readers, ...writers]), 'any-free-moment').verdict).toBe('ok')
    expect(lockdep(makeProgram([...readers, ...writers]), 'queue-fair').verdict).toBe('deadlock')
  })
})

describe('a strategy', () => {
  test.each([unmapRange, rfc2021, vmaList])('$name has one order of locks', (strategy) => {
    for (const semantics of ['any-free-moment', 'queue-fair'] as const) {
      const program = new Model(strategy, slot({ devices: 3, faults: 2, resets: 2 })).program()
      expect(lockdep(program, semantics)).toMatchObject({ verdict: 'ok', mode: 'lockdep' })
    }
  })

  test('naive takes mmap_lock inside memory_lock, and the other way round', () => {
    const program = new Model(naive, slot({ devices: 2, faults: 1, resets: 1 })).program()
    const { verdict, message } = lockdep(program)
    expect(verdict).toBe('deadlock')
    expect(message).toContain('memory_lock:d0 (write) and waits for mmap_lock:p0 (write)')
  })
})
