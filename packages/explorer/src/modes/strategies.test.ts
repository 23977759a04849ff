/** What the strategies that ship come to, at small sizes: verdicts, and how many states it took. */
import type { AnyLockingStrategy } from '@vfiokit/locking'
import {
  layered,
  ordered,
  rfc2021,
  STRATEGIES,
  setRwsem,
  sharedInode,
  unmapRange,
  vmaList,
  vmaListDeviceSet,
} from '@vfiokit/locking-strategies'
import { naive, zapBeforeLock } from '@vfiokit/locking-strategies/canaries'
import { describe, expect, test } from 'vitest'
import { exploreModel } from '../fixtures/explore-slot.ts'
import { type SlotSize, slot } from '../fixtures/slot.ts'
import type { LockSemantics } from '../search/machine.ts'
import { ALL_REDUCTIONS, NO_REDUCTIONS } from '../search/state-search.ts'

const S222: SlotSize = { devices: 2, faults: 2, resets: 2 }
const S312: SlotSize = { devices: 3, faults: 1, resets: 2 }
const FREE = 'any-free-moment'
const FAIR = 'queue-fair'

/** Stored states with every reduction. A reduction that rots, or a body that grows, shows here. */
const PINNED: readonly [AnyLockingStrategy, SlotSize, LockSemantics, states: number][] = [
  [unmapRange, S222, FREE, 1073],
  [unmapRange, S222, FAIR, 2203],
  [unmapRange, S312, FREE, 361],
  [unmapRange, S312, FAIR, 632],
  [rfc2021, S222, FREE, 1278],
  [rfc2021, S222, FAIR, 3682],
  [rfc2021, S312, FREE, 504],
  [rfc2021, S312, FAIR, 1069],
  [vmaList, S222, FREE, 18_321],
  [vmaList, S222, FAIR, 50_758],
  [vmaList, S312, FREE, 16_397],
  [vmaList, S312, FAIR, 30_483],
  [sharedInode, S222, FREE, 2574],
  [sharedInode, S222, FAIR, 5461],
  [sharedInode, S312, FREE, 1411],
  [sharedInode, S312, FAIR, 2217],
  [layered, S222, FREE, 1383],
  [layered, S222, FAIR, 2846],
  [layered, S312, FREE, 621],
  [layered, S312, FAIR, 941],
  [vmaListDeviceSet, S222, FREE, 8662],
  [vmaListDeviceSet, S222, FAIR, 21_016],
  [vmaListDeviceSet, S312, FREE, 7332],
  [vmaListDeviceSet, S312, FAIR, 11_630],
  [ordered, S222, FREE, 584],
  [ordered, S222, FAIR, 2328],
  [ordered, S312, FREE, 206],
  [ordered, S312, FAIR, 579],
  [setRwsem, S222, FREE, 1010],
  [setRwsem, S222, FAIR, 4211],
  [setRwsem, S312, FREE, 433],
  [setRwsem, S312, FAIR, 1421],
]

test('every strategy that ships has its states pinned', () => {
  expect(new Set(PINNED.map(([{ name }]) => name))).toEqual(new Set(STRATEGIES.map(({ name }) => name)))
})

describe('a strategy that ships', () => {
  const rows = PINNED.map(([strategy, size, semantics, states]) => {
    const name = `${strategy.name} ${size.devices}:${size.faults}:${size.resets} ${semantics}`
    return { name, strategy, size, semantics, states }
  })
  test.each(rows)('$name is ok, in $states states', ({ strategy, size, semantics, states }) => {
    const result = exploreModel(strategy, slot(size), { semantics })
    expect(result).toMatchObject({ verdict: 'ok', mode: 'exhaustive', states })
    expect(result.bound).toBeUndefined()
  })
})

describe.each([FREE, FAIR] as const)('a canary, %s', (semantics) => {
  test('zap-before-lock leaves a page mapped while memory is off', () => {
    const result = exploreModel(zapBeforeLock, slot(S222), { semantics })
    expect(result).toMatchObject({ verdict: 'violation', property: 'I1' })
    expect(result.counterexample!.isShortest).toBe(true)
    expect(result.counterexample!.steps).toHaveLength(9)
  })

  test('naive deadlocks between mmap_lock and memory_lock', () => {
    const result = exploreModel(naive, slot({ devices: 2, faults: 1, resets: 1 }), { semantics })
    expect(result).toMatchObject({ verdict: 'deadlock', property: 'deadlock' })
    const waits = result.counterexample!.blocked.map(({ waitsFor }) => waitsFor)
    expect(waits).toContain('mmap_lock:p0 (write)')
    expect(waits).toContain('memory_lock:d0 (read)')
  })
})

test('a strategy may keep nothing for a device', () => {
  const stateless: AnyLockingStrategy = { ...setRwsem, deviceState: () => undefined }
  expect(exploreModel(stateless, slot(S312))).toMatchObject({ verdict: 'ok', states: 433 })
})

test('without reductions the states are those of the cross product', () => {
  const all = exploreModel(unmapRange, slot({ devices: 2, faults: 1, resets: 1 }), {
    reductions: NO_REDUCTIONS,
  })
  expect(all).toMatchObject({ verdict: 'ok', states: 3218, transitions: 8972, reductions: [] })
})

describe('an exploration that is stopped', () => {
  test('by memory says what it reached, and is not ok', () => {
    const result = exploreModel(vmaList, slot(S222), { memoryMax: 300_000 })
    expect(result.verdict).toBe('unknown')
    expect(result.bound).toMatch(/states need more than was allowed; \d+ of \d+ states expanded, depth \d+/)
  })

  test('by somebody is unknown', () => {
    const result = exploreModel(vmaList, slot(S222), { reductions: NO_REDUCTIONS, shouldStop: () => true })
    expect(result).toMatchObject({ verdict: 'unknown' })
    expect(result.bound).toMatch(/^interrupted; 20000 of/)
  })
})

test('the same program gives the same counts, however its tasks are named', () => {
  const spec = slot(S222)
  const renamed = { ...spec, tasks: spec.tasks.map((task, at) => ({ ...task, name: `task ${at}` })) }
  const [one, other] = [spec, renamed].map((each) =>
    exploreModel(unmapRange, each, { reductions: ALL_REDUCTIONS }),
  )
  expect(one!.states).toBe(other!.states)
})
