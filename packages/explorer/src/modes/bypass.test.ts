import {
  acquire,
  type LockMode,
  LockRegistry,
  label,
  type Operation,
  release,
  tryAcquire,
} from '@vfiokit/locking'
import { unmapRange, vmaList } from '@vfiokit/locking-strategies'
import { describe, expect, test } from 'vitest'
import { slot } from '../fixtures/slot.ts'
import { Model } from '../model/model.ts'
import { makeProgram, type Program } from '../program/program.ts'
import type { LockSemantics } from '../search/machine.ts'
import { bypass } from './bypass.ts'
import { runToEnd } from './run-to-end.ts'

const registry = new LockRegistry({ fair: false })
const a = registry.rwsem('a')

function* take(mode: LockMode, times: number): Operation<void> {
  for (let turn = 0; turn < times; turn++) {
    yield* label('turn', turn)
    yield* acquire(a, mode)
    yield* release(a, mode)
  }
}

function* takeForEver(mode: LockMode): Operation<void> {
  for (;;) {
    yield* label('again')
    yield* acquire(a, mode)
    yield* release(a, mode)
  }
}

function* attempt(): Operation<void> {
  if (yield* tryAcquire(a)) yield* release(a)
}

function overtaken(semantics: LockSemantics, ...operations: (() => Operation<void>)[]) {
  const sources = operations.map((make, at) => ({ name: `t${at}`, kind: `t${at}`, make }))
  return longest(makeProgram(sources), semantics)
}

function longest(program: Program, semantics: LockSemantics): Record<string, number | 'no bound'> {
  const { overtaken: waits, verdict, mode } = runToEnd(bypass(program, { semantics }))
  expect([verdict, mode]).toEqual(['ok', 'bypass'])
  return Object.fromEntries(waits!.map(({ task, lock, count }) => [`${task} ${lock}`, count ?? 'no bound']))
}

const FREE = 'any-free-moment'
const FAIR = 'queue-fair'
const once = () => take('write', 1)

describe('a waiter is overtaken', () => {
  test('by each of those who come once, but for the one it waits for', () => {
    expect(overtaken(FREE, once, once)).toEqual({ 't0 a': 0, 't1 a': 0 })
    expect(overtaken(FREE, once, once, once)).toEqual({ 't0 a': 1, 't1 a': 1, 't2 a': 1 })
  })

  test('by all who were in the queue before it, and by nobody behind it', () => {
    expect(overtaken(FAIR, once, once, once)).toEqual({ 't0 a': 1, 't1 a': 1, 't2 a': 1 })
    expect(overtaken(FAIR, () => take('write', 3), once)).toEqual({ 't0 a': 0, 't1 a': 0 })
    expect(overtaken(FREE, () => take('write', 3), once)).toEqual({ 't0 a': 0, 't1 a': 2 })
  })

  test('without bound by who comes again and again, unless there is a queue', () => {
    const forEver = () => takeForEver('write')
    expect(overtaken(FREE, forEver, once)).toMatchObject({ 't1 a': 'no bound' })
    expect(overtaken(FAIR, forEver, once)).toMatchObject({ 't1 a': 0 })
  })

  test('by readers one after the other, where a writer waits at any free moment', () => {
    const reader = () => take('read', 1)
    expect(overtaken(FREE, reader, reader, reader, once)).toMatchObject({ 't3 a': 2 })
    expect(overtaken(FREE, () => takeForEver('read'), once)).toMatchObject({ 't1 a': 'no bound' })
    expect(overtaken(FAIR, () => takeForEver('read'), once)).toMatchObject({ 't1 a': 0 })
  })

  test('by a try that succeeds, and never waits itself', () => {
    expect(overtaken(FREE, once, once, attempt)).toEqual({ 't0 a': 1, 't1 a': 1 })
  })
})

describe('under a strategy', () => {
  const program = (strategy: typeof unmapRange | typeof vmaList) =>
    new Model(strategy, slot({ devices: 1, faults: 1, resets: 1 })).program()
  const guest = 'set-memory d0 false, set-memory d0 true'

  test('the loop of vma-list may wait without bound for a list that a thread fills again', () => {
    expect(longest(program(vmaList), FREE)).toMatchObject({ [`${guest} vma_lock:d0`]: 'no bound' })
    expect(longest(program(vmaList), FAIR)).toMatchObject({ [`${guest} vma_lock:d0`]: 1 })
  })

  test('every wait of unmap-range has a bound', () => {
    for (const count of Object.values(longest(program(unmapRange), FREE))) expect(count).not.toBe('no bound')
  })
})

test('what does not fit in memory is unknown', () => {
  const { verdict, overtaken: waits } = runToEnd(
    bypass(new Model(vmaList, slot({ devices: 2, faults: 2, resets: 2 })).program(), { memoryMax: 300_000 }),
  )
  expect([verdict, waits]).toEqual(['unknown', undefined])
})
