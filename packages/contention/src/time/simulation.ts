/**
 * Many scripts in simulated time. A step takes effect when it begins, and its task goes on when the cost
 * of the step has passed; who waits for a lock goes on so long after the release that handed it over.
 *
 * Nothing is drawn here, and what is due at the same time comes in order of arrival: equal scripts and
 * costs give equal runs. A step costs time logarithmic in the number of tasks.
 */
import { isOp, type LockOp, type LockUse, type Op, type Operation, type OpResult } from '@vfiokit/locking'
import type { Costs } from '../costs.ts'
import { WANTED, type ZapCause, type ZapLedger } from '../machine/zap-ledger.ts'
import { EventHeap } from './event-heap.ts'
import { opCost } from './op-cost.ts'
import type { Script } from './script.ts'

/** Options of a {@link Simulation}. */
export interface SimulationOptions {
  readonly costs: Costs
  readonly ledger: ZapLedger
  /** When scripts are resumed no more; what is under way comes to its end. */
  readonly endNs: number
  /** So many steps in which no operation ends, or no time passes, are a livelock. */
  readonly stallSteps: number
}

/** How a simulation ended. */
export type Ending =
  | { readonly verdict: 'finished' }
  /** Tasks wait for each other for ever. */
  | { readonly verdict: 'deadlock'; readonly message: string }
  | { readonly verdict: 'stalled'; readonly message: string }
  /** A step threw. */
  | { readonly verdict: 'failed'; readonly message: string }

interface Task {
  readonly name: string
  readonly script: Script
  operation: Operation<unknown> | undefined
  cause: ZapCause
  /** What its script or operation is resumed with. */
  input: OpResult
  waitsFor: LockUse | undefined
}

/** Steps between two looks at what goes on outside. */
const SLICE_STEPS = 1 << 14
/** How many of those in a deadlock are named. */
const NAMED_MAX = 8
const NO_CAUSE: ZapCause = { device: undefined, ticket: WANTED }

/** Runs scripts to the end of simulated time. */
export class Simulation {
  readonly #options: SimulationOptions
  readonly #events = new EventHeap<Task>()
  readonly #tasks: Task[] = []
  #now = 0
  #steps = 0
  #stepsAtLastEnd = 0
  #stepsAtLastMove = 0
  #ending: Ending | undefined

  constructor(options: SimulationOptions) {
    this.#options = options
  }

  /** Simulated nanoseconds since the beginning. */
  get now(): number {
    return this.#now
  }

  /** Steps taken so far. */
  get steps(): number {
    return this.#steps
  }

  /** Adds a task, which begins now. */
  spawn(name: string, script: Script): void {
    const task: Task = {
      name,
      script,
      operation: undefined,
      cause: NO_CAUSE,
      input: undefined,
      waitsFor: undefined,
    }
    this.#tasks.push(task)
    this.#events.push(this.#now, task)
  }

  /** Runs, a slice of steps at a time. */
  *run(): Generator<void, Ending> {
    let sliceEnd = this.#steps + SLICE_STEPS
    for (;;) {
      const at = this.#events.nextAt
      const task = this.#events.pop()
      if (task === undefined) return this.#atRest()
      this.#moveTo(at)
      this.#resume(task)
      if (this.#ending !== undefined) return this.#ending
      if (this.#steps < sliceEnd) continue
      sliceEnd = this.#steps + SLICE_STEPS
      yield
    }
  }

  #moveTo(at: number): void {
    if (at > this.#now) this.#stepsAtLastMove = this.#steps
    this.#now = at
  }

  /** Runs a task until it has to wait: for a lock, or for somebody who is due before it. */
  #resume(task: Task): void {
    for (;;) {
      const cost =
        task.operation === undefined ? this.#nextAction(task) : this.#nextStep(task, task.operation)
      if (cost === undefined || this.#hasStalled()) return
      const due = this.#now + cost
      if (due >= this.#events.nextAt) return this.#events.push(due, task)
      this.#moveTo(due)
    }
  }

  /** @returns how long until the task goes on; undefined when it does not. */
  #nextAction(task: Task): number | undefined {
    if (this.#now >= this.#options.endNs) return undefined
    const { done, value } = task.script.next(task.input)
    if (done === true) return undefined
    this.#steps++
    task.input = undefined
    if (value.do === 'pause') return value.ns
    task.operation = value.operation
    task.cause = value.cause
    return 0
  }

  /** @returns as above. */
  #nextStep(task: Task, operation: Operation<unknown>): number | undefined {
    const { ledger, costs } = this.#options
    try {
      const { done, value } = operation.next(task.input)
      task.input = done === true ? value : undefined
      if (done === true) return this.#endOperation(task)
      this.#steps++
      if (isOp(value, 'acquire')) return this.#acquire(task, value)
      ledger.begin(task.cause)
      const result: OpResult = (value as Op<unknown>).perform()
      task.input = result
      return opCost({ op: value, result, ledger, costs })
    } catch (error) {
      this.#ending = { verdict: 'failed', message: `${task.name}: ${(error as Error).message}` }
      return undefined
    }
  }

  #endOperation(task: Task): number {
    task.operation = undefined
    this.#stepsAtLastEnd = this.#steps
    return 0
  }

  #acquire(task: Task, { lock, mode }: LockOp<unknown>): number | undefined {
    const { costs } = this.#options
    if (lock.tryTake(mode)) return costs.lock
    task.waitsFor = { lock, mode }
    const granted = () => {
      task.waitsFor = undefined
      this.#events.push(this.#now + costs['hand-over'], task)
    }
    lock.wait({ mode, granted })
    return undefined
  }

  #hasStalled(): boolean {
    const { stallSteps } = this.#options
    const last = Math.min(this.#stepsAtLastEnd, this.#stepsAtLastMove)
    if (this.#steps - last < stallSteps) return false
    const what = last === this.#stepsAtLastMove ? 'no time passed' : 'no operation ended'
    this.#ending = { verdict: 'stalled', message: `${what} in ${stallSteps} steps` }
    return true
  }

  #atRest(): Ending {
    const waiting = this.#tasks.flatMap(({ name, waitsFor }) =>
      waitsFor === undefined ? [] : [`${name} waits for ${waitsFor.lock.name} (${waitsFor.mode})`],
    )
    if (waiting.length === 0) return { verdict: 'finished' }
    const more = waiting.length > NAMED_MAX ? [`and ${waiting.length - NAMED_MAX} more`] : []
    return { verdict: 'deadlock', message: [...waiting.slice(0, NAMED_MAX), ...more].join(', ') }
  }
}
