/**
 * The controlled driver: many tasks, one op a step, and a schedule that decides whose.
 *
 * Simulated time is the number of steps taken. Nothing else moves: equal tasks, locks and schedules
 * give equal runs, so a seed is a complete description of what happened.
 */
import { MarkOp } from '../effect.ts'
import type { LockOp, LockUse } from '../lock.ts'
import type { Op, Operation, OpResult } from '../op.ts'
import { isMarkOp, isOp } from '../op-kinds.ts'
import { HeldLocks } from './held-locks.ts'
import { performWatched } from './perform.ts'
import { ProtocolError } from './protocol-error.ts'
import type { Schedule } from './schedule.ts'

/**
 * One step, as watchers see it, right after it was taken. `path` and `held` go on changing with the
 * task: who keeps an event copies them.
 */
export interface StepEvent {
  /** Simulated time: the first step is 1. */
  readonly step: number
  readonly task: string
  /** The innermost {@link scoped} names around the op, outermost first. */
  readonly path: readonly string[]
  readonly op: Op<unknown>
  /**
   * performed: done, with `result`; waiting: an acquire that has to wait; granted: that acquire, once
   * it is held; failed: the op threw `result`, or the scope or task that ends here (a `leave`) keeps
   * a lock.
   */
  readonly outcome: 'performed' | 'waiting' | 'granted' | 'failed'
  readonly result: unknown
  /** Locks of the task after the step. */
  readonly held: Iterable<LockUse>
}

/** Sees every step. What a watcher throws ends the run. */
export type Watcher = (event: StepEvent) => void

/** A task that can go no further. */
export interface BlockedTask {
  readonly task: string
  readonly waitsFor: LockUse
  readonly holds: readonly LockUse[]
}

/** How a run ended. */
export interface ControlledOutcome {
  readonly steps: number
  /** finished: every task ended; deadlock: some wait for ever; step-limit: stopped before the end. */
  readonly verdict: 'finished' | 'deadlock' | 'step-limit'
  readonly blocked: readonly BlockedTask[]
  /** What tasks threw. The others went on. */
  readonly failures: readonly { readonly task: string; readonly error: unknown }[]
}

/** Options of a {@link ControlledDriver}. */
export interface ControlledOptions {
  readonly schedule: Schedule
  readonly watchers?: readonly Watcher[]
  /** A run that is longer is stopped: a livelock, or a size that was not meant. */
  readonly stepsMax?: number
}

interface Task {
  readonly name: string
  readonly operation: Operation<unknown>
  readonly held: HeldLocks
  readonly path: string[]
  /** What was held when each scope of `path` was entered. */
  readonly heldAtEntry: LockUse[][]
  pending: Op<unknown> | undefined
  state: 'new' | 'ready' | 'waiting' | 'granted' | 'ended'
}

const STEPS_MAX = 1_000_000

/** Runs tasks one step at a time. */
export class ControlledDriver {
  readonly #schedule: Schedule
  readonly #watchers: readonly Watcher[]
  readonly #stepsMax: number
  readonly #tasks: Task[] = []
  readonly #failures: { task: string; error: unknown }[] = []
  #step = 0

  /** @throws RangeError for a `stepsMax` that is not a number of steps. */
  constructor({ schedule, watchers = [], stepsMax = STEPS_MAX }: ControlledOptions) {
    if (!Number.isSafeInteger(stepsMax) || stepsMax < 0)
      throw new RangeError(`stepsMax ${stepsMax} is not a number of steps`)
    this.#schedule = schedule
    this.#watchers = watchers
    this.#stepsMax = stepsMax
  }

  /** Steps taken so far. */
  get steps(): number {
    return this.#step
  }

  /** Adds a task, also while others run. Nothing of it runs before {@link run}. */
  spawn(name: string, operation: Operation<unknown>): void {
    this.#tasks.push({
      name,
      operation,
      held: new HeldLocks(),
      path: [],
      heldAtEntry: [],
      pending: undefined,
      state: 'new',
    })
  }

  /**
   * Takes steps until every task has ended, none can go on, or the limit is reached.
   *
   * @throws RangeError when the schedule picks nobody; whatever a watcher throws.
   */
  run(): ControlledOutcome {
    const runnable: Task[] = []
    for (;;) {
      runnable.length = 0
      for (const task of this.#tasks) if (this.#canStep(task)) runnable.push(task)
      if (runnable.length === 0) return this.#outcome(this.#blocked().length > 0 ? 'deadlock' : 'finished')
      if (this.#step >= this.#stepsMax) return this.#outcome('step-limit')
      const picked = this.#schedule(runnable.length, runnable)
      const task = runnable[picked]
      if (task === undefined) throw new RangeError(`schedule picked ${picked} of ${runnable.length}`)
      this.#step++
      this.#take(task)
    }
  }

  #canStep(task: Task): boolean {
    if (task.state === 'new') this.#start(task)
    if (task.state === 'ended') return false
    const op = task.pending!
    if (!isOp(op, 'acquire') || op.lock.fair) return task.state !== 'waiting'
    // An unfair lock has no queue: whoever finds it free may take it. A fair one is queued for, by a step.
    const free = op.lock.isFree(op.mode)
    if (!free && task.state === 'ready') {
      task.state = 'waiting'
      this.#tell(task, op, 'waiting', undefined)
    }
    return free
  }

  #start(task: Task): void {
    task.state = 'ready'
    this.#advance(task, () => task.operation.next())
  }

  #take(task: Task): void {
    const op = task.pending!
    if (task.state === 'granted') return this.#finishGrant(task, op)
    if (isOp(op, 'acquire') && !mayTake(op)) return this.#queue(task, op)
    let result: OpResult
    try {
      result = performWatched(op, task.held)
    } catch (error) {
      this.#tell(task, op, 'failed', error)
      return this.#advance(task, () => task.operation.throw(error))
    }
    if (task.state === 'waiting') return this.#finishGrant(task, op)
    this.#tell(task, op, 'performed', result)
    this.#advance(task, () => task.operation.next(result))
  }

  #queue(task: Task, op: LockOp<unknown>): void {
    task.state = 'waiting'
    const granted = () => {
      task.held.add(op.lock, op.mode)
      task.state = 'granted'
    }
    op.lock.wait({ mode: op.mode, granted })
    this.#tell(task, op, 'waiting', undefined)
  }

  #finishGrant(task: Task, op: Op<unknown>): void {
    task.state = 'ready'
    this.#tell(task, op, 'granted', undefined)
    this.#advance(task, () => task.operation.next())
  }

  /** Runs the task's own code up to its next op; marks are no steps. */
  #advance(task: Task, resume: () => IteratorResult<Op<unknown>, unknown>): void {
    let go = resume
    for (;;) {
      let next: IteratorResult<Op<unknown>, unknown>
      try {
        next = go()
      } catch (error) {
        this.#failures.push({ task: task.name, error })
        return this.#end(task)
      }
      if (next.done) return this.#end(task)
      task.pending = next.value
      if (!isMarkOp(next.value)) return
      const broken = this.#enterOrLeave(task, next.value)
      go = broken === undefined ? () => task.operation.next() : () => task.operation.throw(broken)
    }
  }

  /** A task is a scope too: it must leave what it entered with, which is nothing. */
  #end(task: Task): void {
    task.state = 'ended'
    const broken = this.#lockLeft(task, new MarkOp('leave', task.name), [])
    if (broken !== undefined) this.#failures.push({ task: task.name, error: broken })
  }

  #enterOrLeave(task: Task, mark: MarkOp): ProtocolError | undefined {
    if (mark.kind === 'enter') {
      task.path.push(mark.mark)
      task.heldAtEntry.push([...task.held])
    } else if (mark.kind === 'leave') {
      task.path.pop()
      return this.#lockLeft(task, mark, task.heldAtEntry.pop()!)
    }
    return undefined
  }

  /** Leaving a scope with other locks than it was entered with breaks I7. */
  #lockLeft(task: Task, mark: MarkOp, entered: readonly LockUse[]): ProtocolError | undefined {
    if (task.held.isSame(entered)) return undefined
    const holds = task.held.size === 0 ? 'no lock' : task.held.toString()
    const error = new ProtocolError('lock-left', `${mark.mark} ended holding ${holds}`)
    this.#tell(task, mark, 'failed', error)
    return error
  }

  #tell(task: Task, op: Op<unknown>, outcome: StepEvent['outcome'], result: unknown): void {
    if (this.#watchers.length === 0) return
    const { name, path, held } = task
    const event: StepEvent = { step: this.#step, task: name, path, op, outcome, result, held }
    for (const watch of this.#watchers) watch(event)
  }

  #blocked(): BlockedTask[] {
    return this.#tasks
      .filter((task) => task.state !== 'ended')
      .map((task) => {
        const { lock, mode } = task.pending as LockOp<void>
        return { task: task.name, waitsFor: { lock, mode }, holds: [...task.held] }
      })
  }

  #outcome(verdict: ControlledOutcome['verdict']): ControlledOutcome {
    const blocked = verdict === 'deadlock' ? this.#blocked() : []
    return { steps: this.#step, verdict, blocked, failures: this.#failures }
  }
}

function mayTake(op: LockOp<unknown>): boolean {
  return op.lock.isFree(op.mode) && !(op.lock.fair && op.lock.waiting > 0)
}
