import {
  acquire,
  Cell,
  get,
  LockRegistry,
  label,
  type Operation,
  release,
  run,
  scoped,
  set,
} from '@vfiokit/locking'
import { STRATEGIES, unmapRange } from '@vfiokit/locking-strategies'
import { VARIANTS } from '@vfiokit/locking-strategies/variants'
import { describe, expect, test } from 'vitest'
import { exploreModel } from '../fixtures/explore-slot.ts'
import type { ModelSpec } from '../model/model-spec.ts'
import { exploreNow } from '../modes/exhaustive.ts'
import { NO_REDUCTIONS } from '../search/state-search.ts'
import { makeProgram } from './program.ts'

const lock = new LockRegistry({ fair: true }).mutex('lock')
const cell = new Cell('count', [0, 1, 2, 3])
const other = new Cell('other', [0, 1])

function* increment(): Operation<void> {
  const before = yield* get(cell)
  yield* set(cell, before === 3 ? 0 : before + 1)
}

function* locked(operation: () => Operation<void>): Operation<void> {
  yield* acquire(lock)
  try {
    yield* run(operation)
  } finally {
    yield* release(lock)
  }
}

function* clear(): Operation<void> {
  yield* set(cell, 0)
}

/** Counts only while nobody else does; reading it alone is no update. */
function* incrementIfZero(): Operation<void> {
  if ((yield* get(cell)) === 0) yield* set(cell, 1)
}

function* look(): Operation<void> {
  yield* get(cell)
  yield* set(other, 1)
}

function verdictOf(...operations: (() => Operation<void>)[]) {
  const sources = operations.map((make, at) => ({ name: `t${at}`, kind: `t${at}`, make }))
  const program = makeProgram(sources)
  const found = exploreNow(program)
  const full = exploreNow(program, { reductions: NO_REDUCTIONS })
  expect([full.verdict, full.property]).toEqual([found.verdict, found.property])
  return found.property ?? found.verdict
}

describe('an update is lost', () => {
  test.each<[string, ...(() => Operation<void>)[]]>([
    ['by two that count at once', increment, increment],
    ['by a write without a read between', increment, clear],
    ['by one that counts under a lock which the other does not take', () => locked(increment), increment],
    ['by one that writes in one of its branches only', increment, incrementIfZero],
  ])('%s', (_name, ...operations) => {
    expect(verdictOf(...operations)).toBe('lost-update')
  })
})

describe('no update is lost', () => {
  test.each<[string, ...(() => Operation<void>)[]]>([
    ['under one lock', () => locked(increment), () => locked(increment)],
    ['under one lock, by writes without a read', () => locked(increment), () => locked(clear)],
    ['by somebody who only looks', increment, look],
    [
      'by a branch that has written nothing, and one that comes behind it',
      () => locked(incrementIfZero),
      () => locked(incrementIfZero),
    ],
    ['by two writes without a read', clear, clear],
    ['where another step of the scenario has read', () => readThenWrite(), () => readThenWrite()],
  ])('%s', (_name, ...operations) => {
    expect(verdictOf(...operations)).toBe('ok')
  })
})

/** What one system call read is no basis of what the next one writes. */
function* readThenWrite(): Operation<void> {
  yield* scoped('0 read', look())
  yield* scoped('1 write', clear())
}

test('a loop that reads again begins anew', () => {
  function* untilFree(): Operation<void> {
    for (;;) {
      yield* label('again')
      yield* acquire(lock)
      const isFree = (yield* get(other)) === 0
      if (isFree) yield* set(other, 1)
      yield* release(lock)
      if (isFree) return
    }
  }
  function* free(): Operation<void> {
    yield* locked(function* () {
      yield* set(other, 0)
    })
  }
  expect(verdictOf(untilFree, untilFree, free)).toBe('ok')
})

describe('opens and closes of one device', () => {
  const owners: ModelSpec = {
    devices: ['d0'],
    processes: ['p0'],
    mappings: [],
    tasks: [
      {
        name: 'owner',
        count: 2,
        steps: [
          { do: 'open', device: 'd0' },
          { do: 'close', device: 'd0' },
        ],
      },
    ],
  }

  test.each(STRATEGIES)('are counted under $name', (strategy) => {
    expect(exploreModel(strategy, owners)).toMatchObject({ verdict: 'ok' })
  })

  test('are miscounted without the lock of the set', () => {
    const { strategy } = VARIANTS.find((each) => each.strategy.name === 'unmap-range-no-open-lock')!
    expect(exploreModel(strategy, owners)).toMatchObject({
      verdict: 'violation',
      property: 'lost-update',
    })
    expect(exploreModel(unmapRange, owners).verdict).toBe('ok')
  })
})
