/**
 * A cell: one piece of state that the protocol reads and writes by ops.
 *
 * Live it is backed by whatever `read` and `write` touch, such as a bit of a virtual register; an
 * explorer keeps it as a few bits of a packed state. `values` says which values it can have.
 */
import { isOfKind } from './of-kind.ts'
import { Op } from './op.ts'

/** Where a cell's value really is. */
export interface CellBacking<T> {
  read(): T
  write(value: T): void
}

/** What has a value that an operation can ask for with {@link get}. */
export interface Readable<T> {
  readonly name: string
  readonly getOp: Op<T>
  /** The value now, for predicates that look at a state and take no step. */
  peek(): T
}

/** A piece of state with finitely many values. */
export class Cell<T> implements Readable<T> {
  /** Also of cells of another copy of this package. */
  readonly kind = '@vfiokit/Cell'
  readonly getOp: Op<T>
  readonly #setOps = new Map<T, SetOp<T>>()

  /**
   * @param name - Unique within a host: `0000:01:00.0.memory`.
   * @param values - Every value it can take, for explorers.
   * @param backing - Where the value is; absent, the cell keeps it itself, starting with `values[0]`.
   */
  constructor(
    readonly name: string,
    readonly values: readonly T[],
    readonly backing: CellBacking<T> = own(values[0] as T),
  ) {
    if (values.length === 0) throw new RangeError(`cell ${name} has no values`)
    this.getOp = new GetOp(this)
  }

  /** Whether something that can be read is a cell. */
  static is(readable: Readable<unknown>): readable is Cell<unknown> {
    return isOfKind(readable, '@vfiokit/Cell')
  }

  peek(): T {
    return this.backing.read()
  }

  /** The cached op that writes `value`. */
  setOp(value: T): SetOp<T> {
    let op = this.#setOps.get(value)
    if (op === undefined) {
      op = new SetOp(this, value)
      this.#setOps.set(value, op)
    }
    return op
  }
}

/**
 * A value computed from other cells in one step.
 *
 * Its sources change only while every reader of it is excluded, so reading them one by one or all at
 * once is the same; as one op the predicate costs no generator on the hot path.
 */
export class DerivedCell<T> implements Readable<T> {
  /** As that of a {@link Cell}. */
  readonly kind = '@vfiokit/DerivedCell'
  readonly getOp: Op<T>

  constructor(
    readonly name: string,
    readonly sources: readonly Readable<unknown>[],
    readonly compute: () => T,
  ) {
    this.getOp = new GetOp(this)
  }

  /** Whether something that can be read is computed from other cells. */
  static is(readable: Readable<unknown>): readable is DerivedCell<unknown> {
    return isOfKind(readable, '@vfiokit/DerivedCell')
  }

  peek(): T {
    return this.compute()
  }
}

/** Reads a cell. */
export class GetOp<T> extends Op<T> {
  readonly kind = 'get'

  constructor(readonly cell: Readable<T>) {
    super()
  }

  get object(): string {
    return this.cell.name
  }

  perform(): T {
    return this.cell.peek()
  }
}

/** Writes a cell. */
export class SetOp<T> extends Op<void> {
  readonly kind = 'set'

  constructor(
    readonly cell: Cell<T>,
    readonly value: T,
  ) {
    super()
  }

  get object(): string {
    return `${this.cell.name} := ${String(this.value)}`
  }

  perform(): void {
    this.cell.backing.write(this.value)
  }
}

/** The value of a cell. */
export function get<T>(cell: Readable<T>): Op<T> {
  return cell.getOp
}

/** Gives a cell a value. */
export function set<T>(cell: Cell<T>, value: T): Op<void> {
  return cell.setOp(value)
}

function own<T>(initial: T): CellBacking<T> {
  let value = initial
  return {
    read: () => value,
    write: (next) => {
      value = next
    },
  }
}
