/**
 * The controlled driver: many tasks, one op a step, and a schedule that decides whose.
 *
 * Simulated time is the number of steps taken. Nothing else moves: equal tasks, locks and schedules
 * give equal runs, so a seed is a complete description of what happened.
 */
import { MarkOp } from '../effect.ts'
import { LockOp, type LockUse } from '../lock.ts'
import type { Op, Operation, OpResult } from '../op.ts'
import { HeldLocks } from './held-locks.ts'
import { performWatched } from './perform.ts'
import { ProtocolError } from './protocol-error.ts'
import type { Schedule } from './schedule.ts'

/** One step, as watchers see it, right after it was taken. */
export interface StepEvent {
  /** Simulated time: the first step is 1. */
  readonly step: number
  readonly task: string
  /** The innermost {@link scoped} names around the op, outermost first. */
  readonly path: readonly string[]
  readonly op: Op<unknown>
  /**
   * performed: done, with `result`; waiting: an acquire that has to wait; granted: that acquire, once
   * handed over; failed: the op threw.
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
  /** How many locks were held when each scope of `path` was entered. */
  readonly heldAtEntry: number[]
  pending: Op<unknown> | undefined
  state: 'ready' | 'waiting' | 'granted' | 'ended'
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

  constructor(options: ControlledOptions) {
    this.#schedule = options.schedule
    this.#watchers = options.watchers ?? []
    this.#stepsMax = options.stepsMax ?? STEPS_MAX
  }

  /** Steps taken so far. */
  get steps(): number {
    return this.#step
  }

  /** Adds a task. Nothing of it runs before {@link run}. */
  spawn(name: string, operation: Operation<unknown>): void {
    const held = new HeldLocks()
    const task: Task = {
      name,
      operation,
      held,
      path: [],
      heldAtEntry: [],
      pending: undefined,
      state: 'ready',
    }
    this.#tasks.push(task)
    this.#advance(task, () => operation.next())
  }

  /** Takes steps until every task has ended, none can go on, or the limit is reached. */
  run(): ControlledOutcome {
    const runnable: Task[] = []
    for (;;) {
      runnable.length = 0
      for (const task of this.#tasks) if (this.#canStep(task)) runnable.push(task)
      if (runnable.length === 0) return this.#outcome(this.#blocked().length > 0 ? 'deadlock' : 'finished')
      if (this.#step >= this.#stepsMax) return this.#outcome('step-limit')
      this.#step++
      this.#take(runnable[this.#schedule(runnable.length)]!)
    }
  }

  #canStep(task: Task): boolean {
    if (task.state === 'ended' || task.state === 'waiting') return false
    const op = task.pending
    // An unfair lock may be taken whenever it is free; a fair one is queued for, which is a step.
    if (task.state === 'ready' && op instanceof LockOp && op.kind === 'acquire' && !op.lock.fair)
      return op.lock.isFree(op.mode)
    return true
  }

  #take(task: Task): void {
    const op = task.pending!
    if (task.state === 'granted') return this.#finishGrant(task, op as LockOp<void>)
    if (op instanceof LockOp && op.kind === 'acquire' && !mayTake(op)) return this.#queue(task, op)
    let result: OpResult
    try {
      result = performWatched(op, task.held)
    } catch (error) {
      this.#tell(task, op, 'failed', error)
      return this.#advance(task, () => task.operation.throw(error))
    }
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

  #finishGrant(task: Task, op: LockOp<void>): void {
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
        return this.#end(task, error)
      }
      if (next.done) return this.#end(task)
      task.pending = next.value
      if (!(next.value instanceof MarkOp)) return this.#noteUnfairWait(task)
      const broken = enterOrLeave(task, next.value)
      go = broken === undefined ? () => task.operation.next() : () => task.operation.throw(broken)
    }
  }

  /** A task in front of an unfair lock that is taken is in no queue, yet it waits. */
  #noteUnfairWait(task: Task): void {
    const op = task.pending
    if (op instanceof LockOp && op.kind === 'acquire' && !op.lock.fair && !op.lock.isFree(op.mode))
      this.#tell(task, op, 'waiting', undefined)
  }

  #end(task: Task, error?: unknown): void {
    task.state = 'ended'
    if (error !== undefined) this.#failures.push({ task: task.name, error })
    if (task.held.size > 0)
      this.#failures.push({
        task: task.name,
        error: new ProtocolError('lock-left', `ended holding ${task.held}`),
      })
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

/** Follows the scopes of a task; leaving one with other locks than it was entered with breaks I7. */
function enterOrLeave(task: Task, mark: MarkOp): ProtocolError | undefined {
  if (mark.kind === 'enter') {
    task.path.push(mark.mark)
    task.heldAtEntry.push(task.held.size)
  } else if (mark.kind === 'leave') {
    const name = task.path.pop()
    const entered = task.heldAtEntry.pop()
    if (entered !== task.held.size)
      return new ProtocolError('lock-left', `${name} was left holding ${task.held}`)
  }
  return undefined
}
