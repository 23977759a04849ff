/** Schedules that were computed by hand, with the default costs: lock 20, hand-over 5000. */
import { acquire, Mutex, type Operation, RwSemaphore, release } from '@vfiokit/locking'
import { describe, expect, test } from 'vitest'
import { type Costs, costsWith } from '../costs.ts'
import { work } from '../machine/work.ts'
import { WANTED, ZapLedger } from '../machine/zap-ledger.ts'
import type { Action, Script } from './script.ts'
import { type Ending, Simulation } from './simulation.ts'

const cause = { device: undefined, ticket: WANTED }
const perform = (operation: Operation<unknown>): Action => ({ do: 'operation', operation, cause })
const pause = (ns: number): Action => ({ do: 'pause', ns })

interface Run {
  readonly ending: Ending
  readonly now: number
  readonly steps: number
}

function runToEnd(simulation: Simulation): Run {
  const run = simulation.run()
  for (;;) {
    const next = run.next()
    if (next.done === true) return { ending: next.value, now: simulation.now, steps: simulation.steps }
  }
}

const simulationWith = (costs: Partial<Costs> = {}, endNs = 1e9) =>
  new Simulation({ costs: costsWith(costs), ledger: new ZapLedger(), endNs, stallSteps: 1000 })

/** Holds a lock for the time of a command write, 1000 ns. */
function* hold(lock: RwSemaphore | Mutex, mode: 'read' | 'write'): Operation<void> {
  yield* acquire(lock, mode)
  yield* work('command-write', 'held')
  yield* release(lock, mode)
}

/** When each task ends that begins at some time and holds the lock. */
function endsOf(lock: RwSemaphore, tasks: readonly (readonly [at: number, mode: 'read' | 'write'])[]) {
  const simulation = simulationWith()
  const ends: number[] = []
  for (const [index, [at, mode]] of tasks.entries())
    simulation.spawn(
      `task ${index}`,
      (function* (): Script {
        yield pause(at)
        yield perform(hold(lock, mode))
        ends[index] = simulation.now
      })(),
    )
  expect(runToEnd(simulation).ending).toEqual({ verdict: 'finished' })
  return ends
}

describe('a schedule computed by hand', () => {
  test('one reader alone: lock, work, release', () => {
    expect(endsOf(new RwSemaphore('s', { fair: true }), [[0, 'read']])).toEqual([20 + 1000 + 20])
  })

  test('two readers at once do not wait', () => {
    const lock = new RwSemaphore('s', { fair: true })
    const [first, second] = endsOf(lock, [
      [0, 'read'],
      [7, 'read'],
    ])
    expect([first, second]).toEqual([1040, 1047])
  })

  test('a writer over a reader waits for the release, and then for the hand-over', () => {
    const lock = new RwSemaphore('s', { fair: true })
    // The reader releases at 1020. The writer runs from 6020, releases at 7020 and has ended at 7040.
    expect(
      endsOf(lock, [
        [0, 'read'],
        [100, 'write'],
      ]),
    ).toEqual([1040, 7040])
  })

  test('a reader that comes behind a queued writer waits for it', () => {
    const lock = new RwSemaphore('s', { fair: true })
    // It is handed the lock at 7020 and runs from 12020.
    expect(
      endsOf(lock, [
        [0, 'read'],
        [100, 'write'],
        [200, 'read'],
      ]),
    ).toEqual([1040, 7040, 13_040])
  })
})

describe('a simulation', () => {
  test('ends in a deadlock that names who waits for what', () => {
    const [a, b] = [new Mutex('a', { fair: true }), new Mutex('b', { fair: true })]
    function* both(first: Mutex, second: Mutex): Operation<void> {
      yield* acquire(first)
      yield* acquire(second)
    }
    const simulation = simulationWith()
    for (const [name, first, second] of [
      ['one', a, b],
      ['two', b, a],
    ] as const)
      simulation.spawn(
        name,
        (function* (): Script {
          yield perform(both(first, second))
        })(),
      )
    const message = 'one waits for b (write), two waits for a (write)'
    expect(runToEnd(simulation).ending).toEqual({ verdict: 'deadlock', message })
  })

  test('is stopped when steps go on and no operation ends', () => {
    const lock = new Mutex('a', { fair: true })
    function* forEver(): Operation<void> {
      for (;;) {
        yield* acquire(lock)
        yield* release(lock)
      }
    }
    const simulation = simulationWith()
    simulation.spawn(
      'round',
      (function* (): Script {
        yield perform(forEver())
      })(),
    )
    const { ending, steps } = runToEnd(simulation)
    expect(ending).toEqual({ verdict: 'stalled', message: 'no operation ended in 1000 steps' })
    expect(steps).toBe(1000)
  })

  test('is stopped when operations end and no time passes', () => {
    const lock = new Mutex('a', { fair: true })
    const simulation = simulationWith({ lock: 0, 'command-write': 0 })
    simulation.spawn(
      'round',
      (function* (): Script {
        for (;;) yield perform(hold(lock, 'write'))
      })(),
    )
    expect(runToEnd(simulation).ending).toEqual({
      verdict: 'stalled',
      message: 'no time passed in 1000 steps',
    })
  })

  test('resumes no script after its end, and lets what is under way come to its own', () => {
    const simulation = simulationWith({}, 500)
    let resumed = 0
    simulation.spawn(
      'late',
      (function* (): Script {
        resumed++
        yield perform(hold(new Mutex('a', { fair: true }), 'write'))
        resumed++
      })(),
    )
    expect(runToEnd(simulation)).toMatchObject({ ending: { verdict: 'finished' }, now: 1040 })
    expect(resumed).toBe(1)
  })

  test('fails with the words of a step that throws', () => {
    const simulation = simulationWith()
    simulation.spawn(
      'wrong',
      (function* (): Script {
        yield perform(
          (function* () {
            yield* release(new Mutex('a', { fair: true }))
          })(),
        )
      })(),
    )
    const message = 'wrong: release of a, which nobody holds'
    expect(runToEnd(simulation).ending).toEqual({ verdict: 'failed', message })
  })
})
