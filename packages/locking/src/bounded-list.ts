/**
 * A list over a declared universe, such as the mappings of one device.
 *
 * Live it keeps insertion order. An explorer branches over every member that could be first, which
 * covers more than live does and never less.
 */
import { isOfKind } from './of-kind.ts'
import { Op } from './op.ts'

/** What can be in a list: something with an identity. */
export interface Listed {
  readonly id: string
}

/** A set of members of a known universe, in order of insertion. */
export class BoundedList<T extends Listed> {
  /** Also of lists of another copy of this package. */
  readonly kind = '@vfiokit/BoundedList'
  readonly #members = new Set<T>()

  /**
   * @param name - Unique within a host.
   * @param universe - Everything that could ever be listed, as it is now.
   */
  constructor(
    readonly name: string,
    readonly universe: () => Iterable<T>,
  ) {}

  /** Whether something is a list. */
  static is(value: unknown): value is BoundedList<Listed> {
    return isOfKind(value, '@vfiokit/BoundedList')
  }

  /** Whether `member` is listed, for predicates that take no step. */
  contains(member: T): boolean {
    return this.#members.has(member)
  }

  get size(): number {
    return this.#members.size
  }

  /**
   * The first member for which `where` holds, or undefined.
   *
   * @param where - Pure, and on fields that never change: an explorer asks it once per candidate.
   * @param tag - What distinguishes this `where` from others on the same list.
   */
  first(where?: (member: T) => boolean, tag?: string): Op<T | undefined> {
    return new ListFirstOp(this, this.#members, where, tag)
  }

  /** Puts a member at the end; one that is listed already stays where it is. */
  add(member: T): Op<void> {
    return new ListOp<T, void>('list-add', this, member, () => void this.#members.add(member))
  }

  /** Takes a member out, if it is listed. */
  remove(member: T): Op<void> {
    return new ListOp<T, void>('list-remove', this, member, () => void this.#members.delete(member))
  }

  /** Whether a member is listed. */
  has(member: T): Op<boolean> {
    return new ListOp<T, boolean>('list-has', this, member, () => this.#members.has(member))
  }
}

/** Add, remove or look up one member. */
export class ListOp<T extends Listed, R> extends Op<R> {
  constructor(
    readonly kind: 'list-add' | 'list-remove' | 'list-has',
    readonly list: BoundedList<T>,
    readonly member: T,
    readonly perform: () => R,
  ) {
    super()
  }

  get object(): string {
    return `${this.list.name} ${this.member.id}`
  }
}

/** Looks for the first member that fits. */
export class ListFirstOp<T extends Listed> extends Op<T | undefined> {
  readonly kind = 'list-first'

  constructor(
    readonly list: BoundedList<T>,
    readonly members: ReadonlySet<T>,
    readonly where: ((member: T) => boolean) | undefined,
    readonly tag: string | undefined,
  ) {
    super()
  }

  get object(): string {
    return this.tag === undefined ? this.list.name : `${this.list.name} (${this.tag})`
  }

  perform(): T | undefined {
    for (const member of this.members) if (this.where === undefined || this.where(member)) return member
    return undefined
  }
}
