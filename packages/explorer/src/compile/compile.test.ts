import {
  acquire,
  Cell,
  effect,
  get,
  LockRegistry,
  label,
  type Operation,
  release,
  run,
  scoped,
  set,
  tryAcquire,
} from '@vfiokit/locking'
import { describe, expect, test } from 'vitest'
import { NO_PAGES } from '../program/explored-pages.ts'
import { lower } from '../program/lower.ts'
import { simplify } from '../program/simplify.ts'
import { Symbols } from '../program/symbols.ts'
import { compileOperation } from './compile.ts'
import { CompileError } from './compile-error.ts'
import { replayAgainst } from './replay.ts'

const registry = new LockRegistry({ fair: false })
const [lock, other] = [registry.mutex('a'), registry.mutex('b')]
const cell = new Cell('flag', [false, true])

function ruleOf(make: () => Operation<unknown>, options = {}): string {
  try {
    replayAgainst(compileOperation('it', make, options), make, { walks: 100 })
    return 'none'
  } catch (error) {
    if (error instanceof CompileError) return error.rule
    throw error
  }
}

function* holding(): Operation<void> {
  yield* acquire(lock)
  try {
    if (yield* get(cell)) yield* set(cell, false)
  } finally {
    yield* release(lock)
  }
}

describe('an automaton', () => {
  test('has a node for each step and an edge for each result', () => {
    const { nodes } = compileOperation('it', holding)
    const get = nodes.find(({ op }) => op?.kind === 'get')!
    expect(get.results).toEqual([false, true])
    expect(get.held.map((use) => use.lock)).toEqual([lock])
    expect(nodes[get.next[0]!]!.op!.kind).toBe('release')
    expect(nodes[get.next[1]!]!.op!.kind).toBe('set')
  })

  test('made small has equal futures once', () => {
    const raw = compileOperation('it', holding)
    const symbols = new Symbols()
    const [small] = simplify([lower(raw, { symbols, pages: NO_PAGES, checks: () => [] })], symbols)
    // Nobody sets the flag, so that what is read is known: only the lock is left, and the end.
    expect(small!.nodes.map(({ op }) => op)).toEqual(['acquire', 'release', 'end'])
  })

  test('of a loop with a label goes round', () => {
    const make = function* (): Operation<void> {
      do yield* label('again')
      while (!(yield* tryAcquire(lock)))
      yield* release(lock)
    }
    const { nodes, merges } = compileOperation('it', make)
    expect(merges).toBe(1)
    expect(nodes).toHaveLength(3)
    expect(nodes[0]!.next[0]).toBe(0)
  })

  test('keeps the scope of each step', () => {
    const { nodes } = compileOperation('it', () => scoped('outer', scoped('inner', holding())))
    expect(nodes[0]!.path).toEqual(['outer', 'inner'])
  })
})

describe('a rule of writing operations', () => {
  test('deterministic: state that no op reads is found', () => {
    let turn = 0
    expect(
      ruleOf(function* () {
        if (turn++ % 3 === 0) yield* get(cell)
        yield* acquire(lock)
        yield* release(lock)
      }),
    ).toMatch(/not-deterministic|leaking-local/)
  })

  test('finite results: an effect that lists none is refused by name', () => {
    const make = function* (): Operation<void> {
      yield* effect('too many to list', [], () => 1)
    }
    expect(() => compileOperation('it', make)).toThrow(
      'it: effect "too many to list" does not list its outcomes',
    )
  })

  test('an unbounded loop needs a label', () => {
    const make = function* (): Operation<void> {
      while (!(yield* tryAcquire(lock)));
    }
    expect(() => compileOperation('it', make, { nodesMax: 50 })).toThrow(
      /more than 50 steps; a loop without a label/,
    )
  })

  test('a loop of nothing but labels never ends', () => {
    const make = function* (): Operation<void> {
      for (;;) yield* label('round')
    }
    expect(ruleOf(make)).toBe('unbounded')
  })

  test('a label names what is live: a local that it forgets is named by the step it came from', () => {
    const make = function* (): Operation<void> {
      let seen = false
      for (;;) {
        yield* label('loop')
        if (seen) yield* set(cell, true)
        if (yield* tryAcquire(lock)) break
        seen = yield* get(cell)
      }
      yield* release(lock)
    }
    expect(() => compileOperation('it', make)).toThrow(
      /label : loop \[\] goes on with .* it must name what is remembered of .*get flag/,
    )
  })

  test('two loops of one label are told apart by their scopes', () => {
    const wait = function* (): Operation<void> {
      do yield* label('wait')
      while (!(yield* tryAcquire(lock)))
      yield* release(lock)
    }
    const twice = (scope: (name: string, body: Operation<void>) => Operation<void>) =>
      function* (): Operation<void> {
        yield* scope('one', wait())
        yield* acquire(other)
        yield* scope('two', wait())
        yield* release(other)
      }
    expect(ruleOf(twice(scoped))).toBe('none')
  })
})

test('a path that ends with a lock breaks I7, and so does a release of what is not held', () => {
  const lowered = (make: () => Operation<void>) =>
    lower(compileOperation('it', make), { symbols: new Symbols(), pages: NO_PAGES, checks: () => [] })
  const kept = lowered(function* () {
    yield* acquire(lock)
  })
  expect(
    kept.nodes.flatMap(({ checks }) => checks.map(({ property, message }) => `${property} ${message}`)),
  ).toEqual(['I7 it: ended holding a (write)'])
  const twice = lowered(function* () {
    yield* run(() => release(lock))
  })
  expect(twice.nodes.flatMap(({ checks }) => checks.map(({ message }) => message))).toEqual([
    'it: release of a, which is not held',
  ])
})

test('what throws on a path that is never taken is no failure', () => {
  const count = new Cell('count', [0, 1])
  const make = function* (): Operation<void> {
    if ((yield* get(count)) === 1) throw new TypeError('impossible')
  }
  const symbols = new Symbols()
  const raw = lower(compileOperation('it', make), { symbols, pages: NO_PAGES, checks: () => [] })
  expect(raw.nodes.some(({ op }) => op === 'failure')).toBe(true)
  expect(simplify([raw], symbols)[0]!.nodes.some(({ op }) => op === 'failure')).toBe(false)
})
