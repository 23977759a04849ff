/**
 * Breadth-first search over all states of a program.
 *
 * Reductions leave out states, never verdicts: persistent sets of tasks, chains of steps that nothing
 * can disturb, and interchangeable tasks in sorted order. When all is seen, the tasks that would be left
 * out for ever are made up for. It can be stopped and gone on with.
 */
import type { Check } from '../program/automaton.ts'
import type { LockSemantics, Machine } from './machine.ts'
import { makePacking, type Packing } from './packing.ts'
import { bitCount, PersistentSets, TASKS_MAX } from './persistent-set.ts'
import { PostponedTasks } from './postponed.ts'
import { StateStore } from './state-store.ts'

/** Which reductions are on. */
export interface Reductions {
  /** Only tasks of a persistent set are tried. */
  readonly persistentSets: boolean
  /** Where the set is one task, its step is taken at once and the state between is not stored. */
  readonly chains: boolean
  /** Interchangeable tasks are sorted. */
  readonly symmetry: boolean
}

/** Everything on. */
export const ALL_REDUCTIONS: Reductions = { persistentSets: true, chains: true, symmetry: true }
/** Everything off. */
export const NO_REDUCTIONS: Reductions = { persistentSets: false, chains: false, symmetry: false }

/** What ends a search before all states were seen. */
export interface Finding {
  readonly kind: 'deadlock' | 'violation'
  /** The check; absent for a deadlock. */
  readonly check: Check | undefined
  /** The stored state before it. */
  readonly state: number
  /** What was done from there: the first step, then a chain. Absent for a deadlock of the stored state. */
  readonly task: number
  readonly way: number
}

/** Options of a search. */
export interface SearchOptions {
  readonly semantics?: LockSemantics
  readonly reductions?: Reductions
  /** Bytes for states; what does not fit ends the search. */
  readonly memoryMax?: number
  /** Go on after a finding: every kind is noted once, and terminal states are all seen. */
  readonly all?: boolean
  /** Called with the machine in each state in which no task can take a step. */
  readonly onTerminal?: (machine: Machine) => Check | undefined
}

/** Longer chains are cut into several: a task that goes round alone has no end. */
const CHAIN_STEPS_MAX = 256

/** A search of one program. */
export class StateSearch {
  readonly machine: Machine
  readonly packing: Packing
  readonly store: StateStore
  readonly reductions: Reductions
  readonly findings: Finding[] = []
  /** Steps taken, those of chains included. */
  transitions = 0
  /** States whose steps were all taken. */
  expanded = 0
  /** Steps from the first state to the one expanded last, chains counted as one. */
  depth = 0
  #levelEnd = 1
  readonly #postponed: PostponedTasks
  /** Seen already, but for the tasks that were left out. */
  #again: number[] = []
  #isComplete = false
  /** Where the steps from the state that is expanded led to, as far as these came before it. */
  #earlier: number[] = []
  /** A state that comes later, to which one of them led; -1 if there is none. */
  #later = -1
  readonly #sets: PersistentSets | undefined
  readonly #all: boolean
  readonly #onTerminal: SearchOptions['onTerminal']

  /** @throws RangeError for more tasks than a set has bits. */
  constructor(machine: Machine, options: SearchOptions = {}) {
    const { reductions = ALL_REDUCTIONS, memoryMax, all = false, onTerminal } = options
    if (machine.taskCount > TASKS_MAX)
      throw new RangeError(`${machine.taskCount} tasks; a search has at most ${TASKS_MAX}`)
    this.machine = machine
    this.reductions = reductions
    this.packing = makePacking(machine, reductions.symmetry)
    this.store = new StateStore(this.packing.words, memoryMax)
    this.#postponed = new PostponedTasks(this.store)
    this.#sets = reductions.persistentSets ? new PersistentSets(machine) : undefined
    this.#all = all
    this.#onTerminal = onTerminal
    machine.reset()
    machine.recoverLocks()
    this.packing.pack(this.store.states, 0)
    this.store.add(-1)
  }

  get isDone(): boolean {
    return this.#isComplete || (this.findings.length > 0 && !this.#all)
  }

  /**
   * Expands at most that many states.
   *
   * @throws MemoryExhausted
   */
  run(statesMax: number = Number.POSITIVE_INFINITY): void {
    for (let left = statesMax; left > 0 && !this.isDone; left--)
      if (this.expanded < this.store.count) this.#expandNext()
      else this.#makeUp()
  }

  #expandNext(): void {
    const index = this.expanded
    if (index === this.#levelEnd) {
      this.depth++
      this.#levelEnd = this.store.count
    }
    this.#load(index)
    this.#expand(index)
    this.expanded++
  }

  /** Tries, in one state, the tasks that were left out there and nowhere made up for. */
  #makeUp(): void {
    if (this.#again.length === 0) this.#again = this.#postponed.take()
    const index = this.#again.pop()
    if (index === undefined) {
      this.#isComplete = true
      return
    }
    this.#load(index)
    const enabled = this.enabled()
    this.#takeAll(index, enabled & ~this.#choose(enabled))
  }

  #load(index: number): void {
    this.packing.unpack(this.store.states, index * this.packing.words)
  }

  /** Tasks that can take a step, as bits. */
  enabled(): number {
    const { machine } = this
    let enabled = 0
    for (let task = 0; task < machine.taskCount; task++) if (machine.isEnabled(task)) enabled |= 1 << task
    return enabled
  }

  #expand(index: number): void {
    const enabled = this.enabled()
    if (enabled === 0) this.#terminal(index)
    const chosen = this.#choose(enabled)
    this.#earlier.length = 0
    this.#later = -1
    this.#takeAll(index, chosen)
    if (chosen === enabled) this.#postponed.noteComplete(index)
    else if (this.#later >= 0) this.#postponed.noteOnward(index, this.#later)
    else this.#postponed.noteBackOnly(index, this.#earlier)
  }

  #choose(enabled: number): number {
    return this.#sets === undefined || (enabled & (enabled - 1)) === 0
      ? enabled
      : this.#sets.smallest(enabled)
  }

  #takeAll(index: number, tasks: number): void {
    const { machine } = this
    const mark = machine.mark
    for (let left = tasks; left !== 0; ) {
      const task = 31 - Math.clz32(left)
      left &= ~(1 << task)
      const ways = machine.ways(task)
      for (let way = 0; way < ways; way++) {
        this.#takeOne(index, task, way)
        machine.undoTo(mark)
        if (this.findings.length > 0 && !this.#all) return
      }
    }
  }

  #takeOne(index: number, task: number, way: number): void {
    const { machine, store, packing } = this
    machine.take(task, way)
    this.transitions++
    if (machine.violated !== undefined) {
      this.#note({ kind: 'violation', check: machine.violated, state: index, task, way })
      if (!this.#all) return
    }
    if (this.reductions.chains && !this.#chain({ state: index, task, way })) return
    packing.pack(store.states, store.candidate)
    const added = store.add(index)
    const led = added >= 0 ? added : -1 - added
    if (led > index) this.#later = led
    else this.#earlier.push(led)
  }

  /** Goes on while one task alone is enough. @returns false when that violated something. */
  #chain(from: { state: number; task: number; way: number }): boolean {
    const { machine } = this
    for (let length = 0, next = this.chained(0, from.task); next >= 0; next = this.chained(++length, next)) {
      machine.take(next, 0)
      this.transitions++
      if (machine.violated === undefined) continue
      this.#note({ kind: 'violation', check: machine.violated, ...from })
      if (!this.#all) return false
    }
    return true
  }

  /**
   * The task with which a chain of that length goes on from the state of the machine; -1 at its end.
   *
   * @param last - The task that took the last step. Asked first, as it can often go on.
   */
  chained(length: number, last: number): number {
    if (length >= CHAIN_STEPS_MAX) return -1
    if (this.#sets !== undefined && this.machine.isEnabled(last) && this.#sets.isAlone(last))
      return this.machine.ways(last) === 1 ? last : -1
    const enabled = this.enabled()
    if (enabled === 0) return -1
    const chosen = this.#choose(enabled)
    if ((chosen & (chosen - 1)) !== 0) return -1
    const task = 31 - Math.clz32(chosen)
    return this.machine.ways(task) === 1 ? task : -1
  }

  #terminal(index: number): void {
    const { machine } = this
    let waiting = 0
    for (let task = 0; task < machine.taskCount; task++) if (!machine.hasEnded(task)) waiting |= 1 << task
    const found = { state: index, task: -1, way: 0 }
    if (bitCount(waiting) > 0) this.#note({ kind: 'deadlock', check: undefined, ...found })
    const check = this.#onTerminal?.(machine)
    if (check !== undefined) this.#note({ kind: 'violation', check, ...found })
  }

  #note(finding: Finding): void {
    const isKnown = this.findings.some(
      ({ kind, check }) => kind === finding.kind && check?.property === finding.check?.property,
    )
    if (!isKnown) this.findings.push(finding)
  }
}
