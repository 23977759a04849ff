/** What the state of an exploration consists of: locks, and variables with few values. */
import type { BoundedList, Cell, Listed, Lock } from '@vfiokit/locking'

/** A piece of state. Values are numbers from 0 to `size - 1`. */
export interface Variable {
  readonly name: string
  readonly size: number
  readonly initial: number
  /** Puts a value where predicates look for it. */
  readonly show: (value: number) => void
}

/** Numbers for locks and variables, given out at first use. */
export class Symbols {
  readonly locks: Lock[] = []
  readonly variables: Variable[] = []
  readonly #locks = new Map<Lock, number>()
  readonly #variables = new Map<object, Map<string, number>>()

  lock(lock: Lock): number {
    let index = this.#locks.get(lock)
    if (index === undefined) {
      index = this.locks.push(lock) - 1
      this.#locks.set(lock, index)
    }
    return index
  }

  /** A cell: its values are numbered in its own order. */
  cell(cell: Cell<unknown>): number {
    return this.variable(cell, 'value', () => ({
      name: cell.name,
      size: cell.values.length,
      initial: cell.values.indexOf(cell.peek()),
      show: (value) => cell.backing.write(cell.values[value]),
    }))
  }

  /** Whether a member is in a list. */
  listed<T extends Listed>(list: BoundedList<T>, member: T): number {
    return this.variable(list, member.id, () => ({
      name: `${list.name} has ${member.id}`,
      size: 2,
      initial: Number(list.contains(member)),
      show: (value) => (value === 1 ? list.add(member) : list.remove(member)).perform(),
    }))
  }

  /** Any other variable, known by what it belongs to and a key. */
  variable(owner: object, key: string, make: () => Variable): number {
    const own = this.#variables.get(owner) ?? new Map<string, number>()
    this.#variables.set(owner, own)
    let index = own.get(key)
    if (index === undefined) {
      index = this.variables.push(make()) - 1
      own.set(key, index)
    }
    return index
  }
}
