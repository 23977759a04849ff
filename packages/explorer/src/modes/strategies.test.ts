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
import { ALL_REDUCTIONS, NO_REDUCTIONS } from '../search/state-search.ts'

const S222: SlotSize = { devices: 2, faults: 2, resets: 2 }
const S312: SlotSize = { devices: 3, faults: 1, resets: 2 }
const FREE = 'any-free-moment'
const FAIR = 'queue-fair'

/**
 * Stored states with every reduction, by devices : faults : resets; with locks that are free for anybody,
 * and with fair ones. A reduction that rots, or a body that grows, shows here.
 */
const PINNED: readonly [
  AnyLockingStrategy,
  Readonly<Record<string, readonly [free: number, fair?: number]>>,
][] = [
  [unmapRange, { '2:2:2': [1073, 2183], '3:1:2': [361, 622], '3:2:2': [6548], '4:1:2': [913] }],
  [vmaList, { '2:2:2': [5286, 13_391], '3:1:2': [2609, 4248], '3:2:2': [30_270], '4:1:2': [6729] }],
  [rfc2021, { '2:2:2': [1278, 3382], '3:1:2': [504, 988], '3:2:2': [7897], '4:1:2': [1296] }],
  [sharedInode, { '2:2:2': [2574, 5280], '3:1:2': [1411, 2184], '3:2:2': [39_619], '4:1:2': [7191] }],
  [layered, { '2:2:2': [1383, 2772], '3:1:2': [621, 970], '3:2:2': [12_983], '4:1:2': [2379] }],
  [vmaListDeviceSet, { '2:2:2': [2452, 4680], '3:1:2': [985, 1489], '3:2:2': [13_390], '4:1:2': [2389] }],
  [ordered, { '2:2:2': [584, 2095], '3:1:2': [206, 525], '3:2:2': [3018], '4:1:2': [490] }],
  [setRwsem, { '2:2:2': [1010, 4038], '3:1:2': [433, 1351], '3:2:2': [9440], '4:1:2': [1603] }],
]

function sizeOf(text: string): SlotSize {
  const [devices, faults, resets] = text.split(':').map(Number)
  return { devices: devices!, faults: faults!, resets: resets! }
}

test('every strategy that ships has its states pinned', () => {
  expect(new Set(PINNED.map(([{ name }]) => name))).toEqual(new Set(STRATEGIES.map(({ name }) => name)))
})

describe('a strategy that ships', () => {
  const rows = PINNED.flatMap(([strategy, counts]) =>
    Object.entries(counts).flatMap(([size, pair]) =>
      pair.map((states = 0, at) => {
        const semantics = ([FREE, FAIR] as const)[at]!
        return {
          name: `${strategy.name} ${size} ${semantics}`,
          strategy,
          size: sizeOf(size),
          semantics,
          states,
        }
      }),
    ),
  )
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
    const result = exploreModel(vmaList, slot(S222), { memoryMax: 150_000 })
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
