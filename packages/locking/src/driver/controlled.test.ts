import {
  acquire,
  type Body,
  Cell,
  ControlledDriver,
  type ControlledOptions,
  type ControlledOutcome,
  effect,
  type Lock,
  type LockMode,
  label,
  Mutex,
  markFaultLocks,
  type Operation,
  ProtocolError,
  RwSemaphore,
  randomSchedule,
  release,
  run,
  type StepEvent,
  scoped,
  set,
  type Watcher,
} from '@vfiokit/locking'
import { describe, expect, test } from 'vitest'
import { OneDevice } from '../fixtures/one-device.ts'

const fair = { fair: true }
const unfair = { fair: false }
/** Tasks in turn: the first that can step always does. */
const inOrder = () => 0
const nothing = () => effect('nothing', [undefined], () => undefined)
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

/** Runs tasks and writes every event as one line. */
function traced(
  tasks: Record<string, Operation<unknown>>,
  options: Partial<ControlledOptions> = {},
): ControlledOutcome & { readonly lines: string[] } {
  const lines: string[] = []
  const note: Watcher = ({ step, task, path, op, outcome }) =>
    void lines.push(`${step} ${[task, ...path].join('/')} ${outcome} ${op.kind} ${op.object}`)
  const driver = new ControlledDriver({
    schedule: inOrder,
    ...options,
    watchers: [note, ...(options.watchers ?? [])],
  })
  for (const [name, operation] of Object.entries(tasks)) driver.spawn(name, operation)
  return { ...driver.run(), lines }
}

/** Each failure as `task: message`. */
const failures = (outcome: ControlledOutcome) =>
  outcome.failures.map(({ task, error }) => `${task}: ${(error as Error).message}`)

describe('a controlled run', () => {
  test('takes one op a step and says who waited and who was granted', () => {
    const lock = new Mutex('m', fair)
    const turns = [0, 1, 0, 0, 0, 0]
    const { lines, verdict, steps } = traced(
      { a: locked(lock, nothing), b: locked(lock, nothing) },
      { schedule: () => turns.shift() ?? 0 },
    )
    expect(lines).toEqual([
      '1 a performed acquire m',
      '2 b waiting acquire m',
      '3 a performed effect nothing',
      '4 a performed release m',
      '5 b granted acquire m',
      '6 b performed effect nothing',
      '7 b performed release m',
    ])
    expect([verdict, steps]).toEqual(['finished', 7])
  })

  test('runs nothing of a task before run, and a task that is spawned by a step too', () => {
    const seen: string[] = []
    const driver = new ControlledDriver({ schedule: inOrder })
    function* parent(): Operation<void> {
      seen.push('parent')
      yield* effect('fork', [undefined], () => driver.spawn('child', child()))
    }
    function* child(): Operation<void> {
      yield* effect('run', [undefined], () => void seen.push('child'))
    }
    driver.spawn('parent', parent())
    expect(seen).toEqual([])
    expect(driver.run()).toMatchObject({ verdict: 'finished', steps: 2 })
    expect(seen).toEqual(['parent', 'child'])
    expect(driver.steps).toBe(2)
  })

  test('is the same for the same seed, and another for some other', () => {
    const events = (seed: number) => {
      const lock = new RwSemaphore('s', fair)
      const tasks = Object.fromEntries(
        ['a', 'b', 'c', 'd'].map((name, at) => [
          name,
          locked(lock, nothing, at % 2 === 0 ? 'read' : 'write'),
        ]),
      )
      return traced(tasks, { schedule: randomSchedule(seed) }).lines.join('\n')
    }
    for (let seed = 0; seed < 50; seed++) expect(events(seed)).toBe(events(seed))
    expect(new Set(Array.from({ length: 50 }, (_, seed) => events(seed))).size).toBeGreaterThan(10)
  })

  test('is served in the order of the queue with a fair lock, in any order with an unfair one', () => {
    const ends = (options: { fair: boolean }) => {
      const found = new Set<string>()
      for (let seed = 0; seed < 200; seed++) {
        const lock = new Mutex('m', options)
        const queued: string[] = []
        const served: string[] = []
        const note: Watcher = ({ task, op, outcome }) => {
          if (op.kind !== 'acquire') return
          if (outcome === 'waiting') queued.push(task)
          if (outcome === 'granted') served.push(task)
        }
        const names = ['a', 'b', 'c', 'd']
        traced(Object.fromEntries(names.map((name) => [name, locked(lock, nothing)])), {
          schedule: randomSchedule(seed),
          watchers: [note],
        })
        expect([...served].sort()).toEqual([...queued].sort())
        found.add(queued.join() === served.join() ? 'queue order' : 'overtaken')
      }
      return [...found].sort()
    }
    expect(ends(fair)).toEqual(['queue order'])
    expect(ends(unfair)).toEqual(['overtaken', 'queue order'])
  })

  test('lets a reader in past a waiting writer only with an unfair lock', () => {
    const events = (options: { fair: boolean }) => {
      const lock = new RwSemaphore('s', options)
      const turns = options.fair ? [0, 1, 1, 0] : [0, 1, 0]
      return traced(
        { r1: locked(lock, nothing, 'read'), w: locked(lock, nothing), r2: locked(lock, nothing, 'read') },
        { schedule: () => turns.shift() ?? 0 },
      ).lines.filter((line) => line.includes('acquire'))
    }
    expect(events(fair)).toEqual([
      '1 r1 performed acquire s (read)',
      '2 w waiting acquire s (write)',
      '3 r2 waiting acquire s (read)',
      '6 w granted acquire s (write)',
      '9 r2 granted acquire s (read)',
    ])
    expect(events(unfair)).toEqual([
      '1 r1 performed acquire s (read)',
      '1 w waiting acquire s (write)',
      '2 r2 performed acquire s (read)',
      '7 w granted acquire s (write)',
    ])
  })

  test.each([fair, unfair])('ends in deadlock with who waits for what and holds what, %j', (options) => {
    const [a, b] = [new Mutex('a', options), new RwSemaphore('b', options)]
    const turns = [0, 1, 0, 1]
    const outcome = traced(
      { one: locked(a, () => locked(b, nothing)), two: locked(b, () => locked(a, nothing), 'read') },
      { schedule: (count) => Math.min(turns.shift() ?? 0, count - 1) },
    )
    expect(outcome.verdict).toBe('deadlock')
    expect(outcome.blocked).toEqual([
      { task: 'one', waitsFor: { lock: b, mode: 'write' }, holds: [{ lock: a, mode: 'write' }] },
      { task: 'two', waitsFor: { lock: a, mode: 'write' }, holds: [{ lock: b, mode: 'read' }] },
    ])
  })

  test('finds the reader that takes a lock twice around a queued writer', () => {
    const lock = new RwSemaphore('s', fair)
    const twice = locked(lock, () => locked(lock, nothing, 'read'), 'read')
    const turns = [0, 1]
    const outcome = traced({ twice, writer: locked(lock, nothing) }, { schedule: () => turns.shift() ?? 0 })
    expect(outcome.verdict).toBe('deadlock')
    expect(outcome.blocked.map(({ task }) => task)).toEqual(['twice', 'writer'])
  })

  test('stops at the step limit', () => {
    function* forever(): Operation<void> {
      for (;;) yield* nothing()
    }
    expect(traced({ forever: forever() }, { stepsMax: 10 })).toMatchObject({
      verdict: 'step-limit',
      steps: 10,
    })
    for (const stepsMax of [-1, 1.5, Number.NaN])
      expect(() => new ControlledDriver({ schedule: inOrder, stepsMax })).toThrow(RangeError)
  })

  test('refuses a schedule that picks nobody', () => {
    const driver = new ControlledDriver({ schedule: () => 1 })
    driver.spawn('a', run(nothing))
    expect(() => driver.run()).toThrow(new RangeError('schedule picked 1 of 1'))
  })
})

describe('what goes wrong in a task', () => {
  test('is thrown at the op, releases its locks and leaves the others running', () => {
    const lock = new Mutex('m', fair)
    const outcome = traced({ bad: locked(lock, () => effect('bad', [], boom)), good: locked(lock, nothing) })
    expect(failures(outcome)).toEqual(['bad: boom'])
    expect(outcome.verdict).toBe('finished')
    expect(outcome.lines).toContain('2 bad failed effect bad')
    expect(outcome.lines.at(-1)).toBe('6 good performed release m')
    expect(lock.isIdle).toBe(true)
  })

  test('is reported also when undefined is thrown, and before the first op', () => {
    const bad = run<void>(() => {
      throw undefined
    })
    expect(traced({ bad }).failures).toEqual([{ task: 'bad', error: undefined }])
  })

  test('breaks I7 when it ends holding a lock', () => {
    const lock = new Mutex('m', fair)
    function* forgetful(): Operation<void> {
      yield* acquire(lock)
    }
    const outcome = traced({ forgetful: forgetful() })
    expect(failures(outcome)).toEqual(['forgetful: forgetful ended holding m (write)'])
    expect(outcome.failures[0]!.error).toMatchObject({ rule: 'lock-left' })
    expect(outcome.lines.at(-1)).toBe('1 forgetful failed leave forgetful')
  })

  test('breaks I7 when a scope ends with other locks than it began with', () => {
    const [a, b] = [new Mutex('a', fair), new Mutex('b', fair)]
    function* swap(): Operation<void> {
      yield* release(a)
      yield* acquire(b)
    }
    function* bad(): Operation<void> {
      yield* acquire(a)
      yield* scoped('swap', swap())
    }
    expect(failures(traced({ bad: bad() }))).toEqual([
      'bad: swap ended holding b (write)',
      'bad: bad ended holding b (write)',
    ])
  })

  test('does not break I7 when a scope gives a lock back and takes it again', () => {
    const lock = new Mutex('m', fair)
    function* retake(): Operation<void> {
      yield* release(lock)
      yield* acquire(lock)
    }
    expect(traced({ good: locked(lock, () => scoped('retake', retake())) }).failures).toEqual([])
  })

  test('is a release of what the task does not hold', () => {
    const lock = new RwSemaphore('s', fair)
    const outcome = traced({
      holder: locked(lock, nothing, 'read'),
      thief: run(() => release(lock, 'read')),
    })
    expect(failures(outcome)[0]).toContain('thief: release of s (read), which this task does not hold')
    expect(outcome.failures[0]!.error).toBeInstanceOf(ProtocolError)
  })

  test('is an effect that answers with a promise', () => {
    const outcome = traced({
      slow: locked(new Mutex('m', fair), () => effect('slow', [], () => Promise.resolve(1))),
    })
    expect(outcome.failures[0]!.error).toMatchObject({ rule: 'async' })
  })

  test('is a user copy under a lock that its fault would take (H3)', () => {
    const { device, mapping, strategy, lock } = new OneDevice()
    markFaultLocks(strategy.readSide(device))
    const copying = traced({ copy: locked(lock, () => mapping.touch(0), 'read') })
    expect(copying.failures[0]!.error).toMatchObject({ rule: 'user-copy-under-lock' })
    expect(traced({ copy: mapping.touch(0) }).failures).toEqual([])
  })
})

describe('a watcher', () => {
  test('sees the scopes around a step, and no marks', () => {
    function* work(): Operation<void> {
      yield* label('here')
      yield* scoped('inner', run(nothing))
    }
    expect(traced({ task: scoped('outer', work()) }).lines).toEqual([
      '1 task/outer/inner performed effect nothing',
    ])
  })

  test('sees the locks of the task after the step, those just granted too', () => {
    const lock = new Mutex('m', fair)
    const held: string[] = []
    const note = ({ task, op, outcome, held: now }: StepEvent) =>
      void held.push(`${task} ${op.kind} ${outcome}: ${now}`)
    const turns = [0, 1]
    traced(
      { a: locked(lock, nothing), b: locked(lock, nothing) },
      { watchers: [note], schedule: () => turns.shift() ?? 0 },
    )
    expect(held).toEqual([
      'a acquire performed: m (write)',
      'b acquire waiting: ',
      'a effect performed: m (write)',
      'a release performed: ',
      'b acquire granted: m (write)',
      'b effect performed: m (write)',
      'b release performed: ',
    ])
  })

  test('sees the result of a step', () => {
    const results: unknown[] = []
    const cell = new Cell('c', [1, 2])
    function* work(): Operation<void> {
      yield* set(cell, 2)
      yield* cell.getOp
    }
    traced({ task: work() }, { watchers: [({ result }) => void results.push(result)] })
    expect(results).toEqual([undefined, 2])
  })

  test('ends the run by throwing', () => {
    const lock = new Mutex('m', fair)
    expect(() => traced({ a: locked(lock, nothing) }, { watchers: [boom] })).toThrow('boom')
  })
})
