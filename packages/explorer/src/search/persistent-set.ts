/**
 * Which tasks have to be tried in a state: enough that no deadlock and no violation is missed.
 *
 * A set of tasks is enough if nothing that the others may do, while these stand still and keep their
 * locks, disturbs the next step of one of them. A member that waits brings in a holder of its lock.
 */
import { ConflictTable } from './conflicts.ts'
import type { Machine } from './machine.ts'
import { KIND } from './node-tables.ts'

/** Sets of tasks are bits of one word. */
export const TASKS_MAX = 31

/** Finds small sets of tasks to go on with. */
export class PersistentSets {
  readonly #machine: Machine
  readonly #conflicts: Uint8Array
  readonly #nodeCount: number
  /** `[set of held locks * locks + lock]` is 1 where the lock is in the set. */
  readonly #holds: Uint8Array
  /** For each task, the tasks that disturb its next step. */
  readonly #disturbers: Int32Array

  constructor(machine: Machine) {
    const table = new ConflictTable(machine)
    this.#machine = machine
    this.#conflicts = table.conflicts
    this.#nodeCount = table.nodeCount
    this.#disturbers = new Int32Array(machine.taskCount)
    const lockCount = machine.program.symbols.locks.length
    this.#holds = new Uint8Array(machine.tables.heldSets.length * lockCount)
    for (const [set, held] of machine.tables.heldSets.entries())
      for (const { lock } of held) this.#holds[set * lockCount + lock] = 1
  }

  /** @param enabled - Tasks that can take a step, as bits; at least one. */
  smallest(enabled: number): number {
    const { taskCount } = this.#machine
    for (let task = 0; task < taskCount; task++) {
      if (((enabled >>> task) & 1) === 0) continue
      const disturbers = this.#disturbersOf(task)
      if (disturbers === 0) return 1 << task
      this.#disturbers[task] = disturbers
    }
    return this.#smallestClosure(enabled)
  }

  /** Whether a task that can take a step is enough by itself. */
  isAlone(task: number): boolean {
    return this.#disturbersOf(task) === 0
  }

  #disturbersOf(task: number): number {
    const { state, taskCount } = this.#machine
    const row = (this.#variant(task) * this.#nodeCount + state[task]!) * this.#nodeCount
    let disturbers = 0
    for (let other = 0; other < taskCount; other++)
      if (this.#conflicts[row + state[other]!] === 1 && other !== task) disturbers |= 1 << other
    return disturbers
  }

  #variant(task: number): number {
    const machine = this.#machine
    const node = machine.state[task]!
    switch (machine.tables.kind[node]) {
      case KIND.TRY_WRITE:
      case KIND.TRY_READ:
        return machine.wouldGet(task) ? 1 : 0
      case KIND.READ:
        return machine.state[machine.variables + machine.tables.object[node]!] === 0 ? 0 : 1
      case KIND.WRITE:
        return machine.changesNothing(node) ? 1 : 0
      default:
        return 0
    }
  }

  #smallestClosure(enabled: number): number {
    let best = enabled
    let bestSize = bitCount(enabled)
    for (let task = 0; task < this.#machine.taskCount; task++) {
      if (((enabled >>> task) & 1) === 0) continue
      const closure = this.#closure(task, enabled, bestSize)
      if (closure === 0) continue
      best = closure
      bestSize = bitCount(closure)
    }
    return best
  }

  /** @returns the enabled tasks of the closure; 0 when they are not fewer than `sizeMax`. */
  #closure(task: number, enabled: number, sizeMax: number): number {
    let closure = 1 << task
    let pending = closure
    while (pending !== 0) {
      const member = 31 - Math.clz32(pending)
      pending &= ~(1 << member)
      const needed = ((enabled >>> member) & 1) === 1 ? this.#disturbers[member]! : this.#holderFor(member)
      const added = needed & ~closure
      if (added === 0) continue
      closure |= added
      if (bitCount(closure & enabled) >= sizeMax) return 0
      pending |= added
    }
    return closure & enabled
  }

  /** A task that must give its lock back before this one can go on. */
  #holderFor(task: number): number {
    const { state, tables, taskCount, program } = this.#machine
    const { kind, object, held } = tables
    if (kind[state[task]!] === KIND.END) return 0
    const lockCount = program.symbols.locks.length
    const lock = object[state[task]!]!
    for (let other = 0; other < taskCount; other++)
      if (other !== task && this.#holds[held[state[other]!]! * lockCount + lock] === 1) return 1 << other
    return 0
  }
}

/** How many bits of a word are set. */
export function bitCount(word: number): number {
  let bits = word - ((word >>> 1) & 0x5555_5555)
  bits = (bits & 0x3333_3333) + ((bits >>> 2) & 0x3333_3333)
  return Math.imul((bits + (bits >>> 4)) & 0x0f0f_0f0f, 0x0101_0101) >>> 24
}
