import {
  acquire,
  type Body,
  DENIED,
  effect,
  type GuardedBody,
  guarded,
  guardedLive,
  type Lock,
  type LockMode,
  type LockUse,
  Mutex,
  type Operation,
  RwSemaphore,
  release,
  run,
  runLive,
  tryAcquire,
} from '@vfiokit/locking'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

const value =
  <T>(result: T): (() => ReturnType<typeof effect<T>>) =>
  () =>
    effect('value', [result], () => result)
const boom = (): never => {
  throw new Error('boom')
}

function* locked<T>(lock: Lock, body: Body<T>, mode: LockMode = 'write'): Operation<T> {
  yield* acquire(lock, mode)
  try {
    return yield* run(body)
  } finally {
    yield* release(lock, mode)
  }
}

describe('runLive', () => {
  test('ends an uncontended operation at once, without a promise', () => {
    const lock = new RwSemaphore('s', { fair: true })
    expect(runLive(locked(lock, () => locked(new Mutex('m', { fair: true }), value(7))))).toBe(7)
    expect(lock.isIdle).toBe(true)
  })

  test('performs a single op', () => {
    const lock = new Mutex('m', { fair: true })
    expect(runLive(tryAcquire(lock))).toBe(true)
    expect(runLive(tryAcquire(lock))).toBe(false)
    expect(runLive(release(lock))).toBeUndefined()
  })

  test('resolves contended operations in the order of the queue', async () => {
    const lock = new Mutex('m', { fair: true })
    const order: number[] = []
    runLive(acquire(lock))
    const pending = [0, 1, 2, 3].map((at) =>
      runLive(locked(lock, () => effect('note', [at], () => order.push(at)))),
    )
    for (const each of pending) expect(each).toBeInstanceOf(Promise)
    await Promise.resolve()
    expect(order).toEqual([])
    runLive(release(lock))
    await Promise.all(pending)
    expect(order).toEqual([0, 1, 2, 3])
    expect(lock.isIdle).toBe(true)
  })

  test('lets queued readers in together', async () => {
    const lock = new RwSemaphore('s', { fair: true })
    let most = 0
    const look = () => {
      most = Math.max(most, lock.readers)
      return Promise.resolve(undefined)
    }
    runLive(acquire(lock))
    const pending = [1, 2, 3].map(() =>
      runLive(locked(lock, () => effect('look', [undefined], look), 'read')),
    )
    runLive(release(lock))
    await Promise.all(pending)
    expect(most).toBe(3)
  })

  test('waits for an effect that answers with a promise', async () => {
    const lock = new Mutex('m', { fair: true })
    const result = runLive(locked(lock, () => effect('slow', [3], () => Promise.resolve(3))))
    expect(lock.isFree('write')).toBe(false)
    expect(await result).toBe(3)
    expect(lock.isIdle).toBe(true)
  })

  test('throws what an effect throws, after finally blocks have released the locks', () => {
    const lock = new Mutex('m', { fair: true })
    expect(() => runLive(locked(lock, () => effect('bad', [], boom)))).toThrow('boom')
    expect(lock.isIdle).toBe(true)
  })

  test('rejects with what an effect rejects with, after finally blocks have released the locks', async () => {
    const lock = new Mutex('m', { fair: true })
    const failing = () => Promise.reject(new Error('late'))
    await expect(runLive(locked(lock, () => effect('bad', [], failing)))).rejects.toThrow('late')
    expect(lock.isIdle).toBe(true)
  })

  test('gives an operation the chance to catch what an op throws, at the op itself', () => {
    function* careful(): Operation<string> {
      try {
        yield* effect('bad', [], boom)
      } catch (error) {
        return `caught ${(error as Error).message}`
      }
      return 'not reached'
    }
    expect(runLive(careful())).toBe('caught boom')
  })

  test('runs finally blocks that wait themselves', async () => {
    const [inner, outer] = [new Mutex('inner', { fair: true }), new Mutex('outer', { fair: true })]
    runLive(acquire(inner))
    function* work(): Operation<void> {
      try {
        yield* locked(outer, () => effect('bad', [], boom))
      } finally {
        yield* locked(inner, value(undefined))
      }
    }
    const result = runLive(work())
    runLive(release(inner))
    await expect(result).rejects.toThrow('boom')
    expect([inner.isIdle, outer.isIdle]).toEqual([true, true])
  })
})

describe('guarded', () => {
  test('gives back what it has when a later lock cannot be taken', () => {
    const [rwsem, mutex] = [new RwSemaphore('s', { fair: true }), new Mutex('m', { fair: true })]
    const uses: LockUse[] = [
      { lock: rwsem, mode: 'read' },
      { lock: mutex, mode: 'read' },
    ]
    expect(() => runLive(guarded(uses, { admit: value(true), act: value(1) }))).toThrow('no read mode')
    expect(() => guardedLive(uses, { admit: value(true), act: value(1) })).toThrow('no read mode')
    expect([rwsem.isIdle, mutex.isIdle]).toEqual([true, true])
  })
})

describe('guardedLive', () => {
  const side = (lock: Lock): LockUse[] => [{ lock, mode: 'read' }]

  /** Generators resumed while `work` runs: every generator function shares this prototype. */
  function generatorSteps(work: () => unknown): number {
    const prototype = Object.getPrototypeOf(Object.getPrototypeOf((function* () {})()))
    const { next } = prototype
    let steps = 0
    prototype.next = function (this: unknown, ...sent: unknown[]) {
      steps++
      return next.apply(this, sent)
    }
    try {
      work()
    } finally {
      prototype.next = next
    }
    return steps
  }

  test('makes no generator while its locks are free', () => {
    const lock = new RwSemaphore('s', { fair: true })
    const body = { admit: value(true), act: value(5) }
    expect(generatorSteps(() => expect(guardedLive(side(lock), body)).toBe(5))).toBe(0)
    // The same through the Operation shows that the count sees generators.
    expect(generatorSteps(() => expect(runLive(guarded(side(lock), body))).toBe(5))).toBeGreaterThan(0)
  })

  test('answers DENIED when the test says no, and does not act', () => {
    const lock = new RwSemaphore('s', { fair: true })
    expect(guardedLive(side(lock), { admit: value(false), act: () => effect('act', [], boom) })).toBe(DENIED)
    expect(lock.isIdle).toBe(true)
  })

  test('equals its Operation in result, in order and in the locks at the end', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async (drawn) => {
        const plain = await outcomeOf(drawn, (uses, body) => guardedLive(uses, body))
        const derived = await outcomeOf(drawn, (uses, body) => runLive(guarded(uses, body)))
        expect(plain).toEqual(derived)
        expect(plain.at(-1)).toBe('idle idle idle')
      }),
      { numRuns: 500 },
    )
  })
})

type Ending = 'value' | 'no' | 'throw' | 'promise' | 'reject' | 'nested'
const mode = fc.constantFrom<LockMode>('read', 'write')
const scenario = fc.record({
  fair: fc.boolean(),
  /** Which locks the read side takes, in which order and how; lock 2 is a mutex. */
  uses: fc
    .tuple(fc.shuffledSubarray([0, 1, 2], { minLength: 1 }), fc.tuple(mode, mode))
    .map(([order, modes]) => order.map((at): [number, LockMode] => [at, modes[at] ?? 'write'])),
  /** Who holds or waits for the locks already. */
  strangers: fc.array(fc.tuple(fc.nat(2), mode), { maxLength: 6 }),
  admit: fc.constantFrom<Ending>('value', 'no', 'throw', 'promise', 'reject', 'nested'),
  act: fc.constantFrom<Ending>('value', 'throw', 'promise', 'reject', 'nested'),
})

function body<T>(ending: Ending, yes: T, no: T, log: (line: string) => void, name: string): Body<T> {
  const ends: Record<Ending, () => T | Promise<T>> = {
    value: () => yes,
    no: () => no,
    throw: boom,
    promise: () => Promise.resolve(yes),
    reject: () => Promise.reject(new Error('late')),
    nested: () => yes,
  }
  const step = () =>
    effect<T>(name, [], () => {
      log(name)
      return ends[ending]()
    })
  return ending === 'nested' ? () => run(step) : step
}

/** Lets one way of taking the read side meet the drawn strangers, and writes down all that happens. */
async function outcomeOf(
  drawn: typeof scenario extends fc.Arbitrary<infer S> ? S : never,
  take: (uses: LockUse[], body: GuardedBody<number>) => unknown,
): Promise<string[]> {
  const options = { fair: drawn.fair }
  const locks = [new RwSemaphore('a', options), new RwSemaphore('b', options), new Mutex('c', options)]
  const lines: string[] = []
  const log = (line: string) => void lines.push(line)
  const holding: (() => void)[] = []
  for (const [at, drawnMode] of drawn.strangers) {
    const lock = locks[at]!
    const strangerMode = at === 2 ? 'write' : drawnMode
    const granted = () => {
      log(`stranger has ${lock.name} ${strangerMode}`)
      holding.push(() => lock.drop(strangerMode))
    }
    lock.wait({ mode: strangerMode, granted })
  }
  const uses = drawn.uses.map(([at, useMode]) => ({ lock: locks[at]!, mode: useMode }))
  let settled = false
  const done = (line: string) => {
    log(line)
    settled = true
  }
  const guardedBody = {
    admit: body(drawn.admit, true, false, log, 'admit'),
    act: body(drawn.act, 1, 0, log, 'act'),
  }
  try {
    const result = take(uses, guardedBody)
    if (result instanceof Promise)
      void result.then(
        (late) => done(`later ${String(late)}`),
        (error) => done(`rejects ${error.message}`),
      )
    else done(`at once ${String(result)}`)
  } catch (error) {
    done(`throws ${(error as Error).message}`)
  }
  for (let turn = 0; turn < 100 && !(settled && holding.length === 0); turn++) {
    holding.shift()?.()
    for (let tick = 0; tick < 10; tick++) await Promise.resolve()
  }
  log(locks.map((lock) => (lock.isIdle ? 'idle' : 'busy')).join(' '))
  return lines
}
