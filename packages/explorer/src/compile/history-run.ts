/** One run of an operation that is told what each of its steps answers, instead of performing them. */
import {
  HeldLocks,
  isLockOp,
  isMarkOp,
  type LockUse,
  type MarkOp,
  type Op,
  type Operation,
} from '@vfiokit/locking'

/** Where a run stands. */
export type Stop =
  | { readonly kind: 'op'; readonly op: Op<unknown> }
  | { readonly kind: 'label'; readonly key: string }
  | { readonly kind: 'progress' }
  | { readonly kind: 'returned' }
  | { readonly kind: 'threw'; readonly error: unknown }

/** A generator with the locks and scopes that it is in. */
export class HistoryRun {
  readonly held: HeldLocks = new HeldLocks()
  /** What broke the rules of locks on the way to this stop, in words. */
  broken: string | undefined
  readonly #path: string[] = []
  readonly #heldAtEntry: LockUse[][] = []
  #operation: Operation<unknown>
  stop: Stop

  constructor(make: () => Operation<unknown>) {
    this.#operation = make()
    this.stop = this.#resume(undefined)
  }

  /** Goes on from a label or a progress mark. */
  pass(): void {
    this.stop = this.#resume(undefined)
  }

  /** Answers the op at which the run stands. */
  answer(result: unknown): void {
    if (this.stop.kind === 'op') this.#hold(this.stop.op, result)
    this.stop = this.#resume(result)
  }

  /** The locks held, in an order that does not depend on when they were taken. */
  heldKey(): string {
    return [...this.held]
      .map(({ lock, mode }) => `${lock.name} ${mode}`)
      .sort()
      .join()
  }

  get path(): readonly string[] {
    return this.#path
  }

  #hold(op: Op<unknown>, result: unknown): void {
    this.broken = undefined
    if (!isLockOp(op)) return
    if (op.kind === 'release') {
      if (!this.held.remove(op.lock, op.mode)) this.broken = `release of ${op.object}, which is not held`
    } else if (op.kind === 'acquire' || result === true) this.held.add(op.lock, op.mode)
  }

  #resume(result: unknown): Stop {
    try {
      for (let next = this.#operation.next(result); ; next = this.#operation.next()) {
        if (next.done) return this.#end()
        const op = next.value
        if (!isMarkOp(op)) return { kind: 'op', op }
        if (op.kind === 'label') return { kind: 'label', key: this.#labelKey(op) }
        if (op.kind === 'progress') return { kind: 'progress' }
        this.#enterOrLeave(op)
      }
    } catch (error) {
      return { kind: 'threw', error }
    }
  }

  #end(): Stop {
    if (this.held.size > 0) this.broken ??= `ended holding ${this.held}`
    return { kind: 'returned' }
  }

  /** Two visits with this in common have the same future, says whoever wrote the label. */
  #labelKey(op: MarkOp): string {
    return `${this.#path.join('/')}: ${op.object} [${this.heldKey()}]`
  }

  #enterOrLeave(mark: MarkOp): void {
    if (mark.kind === 'enter') {
      this.#path.push(mark.mark)
      this.#heldAtEntry.push([...this.held])
      return
    }
    this.#path.pop()
    const entered = this.#heldAtEntry.pop()!
    if (!this.held.isSame(entered))
      this.broken ??= `${mark.mark} ended holding ${this.held.size === 0 ? 'no lock' : this.held}`
  }
}
