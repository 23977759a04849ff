/**
 * The machine that runs a program: one state, steps on it, and their undoing.
 *
 * Locks are what their holders' places say, so they are not stored with a state; here they are words
 * that make a step cheap: 0 free, -1 held for writing, else the number of readers.
 */
import type { Check } from '../program/automaton.ts'
import type { Program } from '../program/program.ts'
import { compileCheck } from './compiled-check.ts'
import { KIND, NodeTables } from './node-tables.ts'

/** Who gets a lock. `any-free-moment`: whoever finds it free. `queue-fair`: Linux, in the order of coming. */
export type LockSemantics = 'any-free-moment' | 'queue-fair'

const WRITER = -1
const UNDO_START = 1024

/** A program in one state. */
export class Machine {
  readonly tables: NodeTables
  readonly taskCount: number
  /** Places of tasks, then ranks in queues, then lock words, then variables. */
  readonly state: Int32Array
  readonly ranks: number
  readonly locks: number
  readonly variables: number
  readonly fair: boolean
  /** The check that the last step violated. */
  violated: Check | undefined
  readonly #checks: readonly ((state: Int32Array) => Check | undefined)[]
  #undo = new Int32Array(UNDO_START)
  #undoCount = 0

  constructor(
    readonly program: Program,
    readonly semantics: LockSemantics,
  ) {
    const { tasks, symbols } = program
    this.tables = new NodeTables(program)
    this.fair = semantics === 'queue-fair'
    this.taskCount = tasks.length
    this.ranks = tasks.length
    this.locks = this.ranks + (this.fair ? tasks.length : 0)
    this.variables = this.locks + symbols.locks.length
    this.state = new Int32Array(this.variables + symbols.variables.length)
    this.#checks = this.tables.checks.map((checks) => compileCheck(checks, this))
    this.reset()
  }

  /** Back to the first state. */
  reset(): void {
    const { tasks, symbols } = this.program
    this.state.fill(0)
    for (const [task, { automaton }] of tasks.entries()) this.state[task] = this.tables.base[automaton]!
    for (const [variable, { initial }] of symbols.variables.entries())
      this.state[this.variables + variable] = initial
    this.#undoCount = 0
    this.violated = undefined
  }

  /** Makes the lock words agree with the places. */
  recoverLocks(): void {
    const { state, tables, locks } = this
    state.fill(0, locks, this.variables)
    for (let task = 0; task < this.taskCount; task++)
      for (const { lock, mode } of tables.heldSets[tables.held[state[task]!]!]!) {
        if (mode === 'write') state[locks + lock] = WRITER
        else state[locks + lock]!++
      }
  }

  hasEnded(task: number): boolean {
    return this.tables.kind[this.state[task]!] === KIND.END
  }

  /** Whether a task waits in a queue. */
  isQueued(task: number): boolean {
    return this.fair && this.state[this.ranks + task] !== 0
  }

  /** Whether a task can take a step. */
  isEnabled(task: number): boolean {
    const node = this.state[task]!
    switch (this.tables.kind[node]) {
      case KIND.END:
        return false
      case KIND.ACQUIRE_WRITE:
        if (this.fair) return this.state[this.ranks + task] === 0
        return this.state[this.locks + this.tables.object[node]!] === 0
      case KIND.ACQUIRE_READ:
        if (this.fair) return this.state[this.ranks + task] === 0
        return this.state[this.locks + this.tables.object[node]!] !== WRITER
      default:
        return true
    }
  }

  /** In how many ways a task that can take a step can take it. */
  ways(task: number): number {
    const node = this.state[task]!
    const { kind, object } = this.tables
    if (kind[node] === KIND.CHOICE) return object[node]!
    if (kind[node] !== KIND.FIRST) return 1
    return Math.max(1, this.#listed(node))
  }

  #listed(node: number): number {
    const { operands, firstOperand, operandCount } = this.tables
    let count = 0
    for (let at = firstOperand[node]!, end = at + operandCount[node]!; at < end; at++)
      count += this.state[this.variables + operands[at]!]!
    return count
  }

  /** Takes one step of a task, in one of its ways, and answers its result. */
  take(task: number, way: number): number {
    const { state, tables } = this
    const node = state[task]!
    const object = tables.object[node]!
    let result = 0
    switch (tables.kind[node]) {
      case KIND.ACQUIRE_WRITE:
        if (this.fair && !this.#isOpen(object, WRITER)) return this.#queue(task, object, WRITER)
        this.#set(this.locks + object, WRITER)
        break
      case KIND.ACQUIRE_READ:
        if (this.fair && !this.#isOpen(object, 1)) return this.#queue(task, object, 1)
        this.#set(this.locks + object, state[this.locks + object]! + 1)
        break
      case KIND.TRY_WRITE:
        if (this.#isOpen(object, WRITER)) {
          this.#set(this.locks + object, WRITER)
          result = 1
        }
        break
      case KIND.TRY_READ:
        if (this.#isOpen(object, 1)) {
          this.#set(this.locks + object, state[this.locks + object]! + 1)
          result = 1
        }
        break
      case KIND.RELEASE_WRITE:
        this.#release(object, 0)
        break
      case KIND.RELEASE_READ:
        this.#release(object, state[this.locks + object]! - 1)
        break
      case KIND.READ:
        result = tables.entries[tables.firstEntry[node]! + state[this.variables + object]!]!
        break
      case KIND.READ_MANY:
        result = this.#readMany(node)
        break
      case KIND.WRITE:
        this.#write(node)
        break
      case KIND.FIRST:
        result = this.#first(node, way)
        break
      default:
        result = way
    }
    this.#set(task, tables.next[tables.firstNext[node]! + result]!)
    this.violated = tables.checked[node] === 1 ? this.#checks[node]!(state) : undefined
    return result
  }

  /** Whether a try on a lock, or an acquire of a fair one, gets it now. */
  #isOpen(lock: number, mode: number): boolean {
    const word = this.state[this.locks + lock]!
    if (mode === WRITER ? word !== 0 : word === WRITER) return false
    return !this.fair || !this.#hasQueue(lock)
  }

  /** What decides the result of a try, for whoever asks without taking it. */
  wouldGet(task: number): boolean {
    const node = this.state[task]!
    return this.#isOpen(this.tables.object[node]!, this.tables.kind[node] === KIND.TRY_WRITE ? WRITER : 1)
  }

  #hasQueue(lock: number): boolean {
    const { state, ranks, tables } = this
    for (let task = 0; task < this.taskCount; task++)
      if (state[ranks + task] !== 0 && tables.object[state[task]!] === lock) return true
    return false
  }

  /**
   * Queued writers are numbered from 1. Readers are woken together, those behind writers too, so all
   * readers in a queue have one rank: 1 more than the writers before the first of them.
   */
  #queue(task: number, lock: number, mode: number): number {
    const { state, ranks, tables } = this
    let writers = 0
    let readerRank = 0
    for (let other = 0; other < this.taskCount; other++) {
      const rank = state[ranks + other]!
      if (rank === 0 || tables.object[state[other]!] !== lock) continue
      if (tables.kind[state[other]!] === KIND.ACQUIRE_WRITE) writers++
      else readerRank = rank
    }
    this.#set(ranks + task, mode !== WRITER && readerRank > 0 ? readerRank : writers + 1)
    this.violated = undefined
    return -1
  }

  #release(lock: number, word: number): void {
    this.#set(this.locks + lock, word)
    if (this.fair && word === 0) this.#handOver(lock)
  }

  #handOver(lock: number): void {
    const { state, ranks, tables } = this
    let readers = 0
    let writer = -1
    for (let task = 0; task < this.taskCount; task++) {
      if (state[ranks + task] !== 1 || tables.object[state[task]!] !== lock) continue
      if (tables.kind[state[task]!] === KIND.ACQUIRE_READ) readers++
      else writer = task
    }
    if (readers === 0 && writer < 0) return
    this.#set(this.locks + lock, readers > 0 ? readers : WRITER)
    for (let task = 0; task < this.taskCount; task++) {
      const rank = state[ranks + task]!
      const node = state[task]!
      if (rank === 0 || tables.object[node] !== lock) continue
      const isReader = tables.kind[node] === KIND.ACQUIRE_READ
      if (readers > 0 ? isReader : task === writer) this.#grant(task, node)
      else if (readers === 0) this.#set(ranks + task, rank - 1)
    }
  }

  #grant(task: number, node: number): void {
    this.#set(this.ranks + task, 0)
    this.#set(task, this.tables.next[this.tables.firstNext[node]!]!)
  }

  #readMany(node: number): number {
    const { operands, firstOperand, operandCount, entries, firstEntry } = this.tables
    let entry = firstEntry[node]!
    for (let at = firstOperand[node]!, end = at + 2 * operandCount[node]!; at < end; at += 2)
      entry += this.state[this.variables + operands[at]!]! * operands[at + 1]!
    return entries[entry]!
  }

  #write(node: number): void {
    const { operands, firstOperand, operandCount } = this.tables
    for (let at = firstOperand[node]!, end = at + 3 * operandCount[node]!; at < end; at += 3) {
      const guard = operands[at + 2]!
      if (guard >= 0 && this.state[this.variables + (guard >> 1)] !== (guard & 1)) continue
      this.#set(this.variables + operands[at]!, operands[at + 1]!)
    }
  }

  /** Whether a WRITE would leave everything as it is. */
  changesNothing(node: number): boolean {
    const { operands, firstOperand, operandCount } = this.tables
    for (let at = firstOperand[node]!, end = at + 3 * operandCount[node]!; at < end; at += 3)
      if (this.state[this.variables + operands[at]!] !== operands[at + 1]) return false
    return true
  }

  #first(node: number, way: number): number {
    const { operands, firstOperand, operandCount } = this.tables
    const count = operandCount[node]!
    let left = way
    for (let member = 0; member < count; member++) {
      if (this.state[this.variables + operands[firstOperand[node]! + member]!] === 0) continue
      if (left-- === 0) return member
    }
    return count
  }

  #set(at: number, value: number): void {
    const { state } = this
    const before = state[at]!
    if (before === value) return
    if (this.#undoCount + 2 > this.#undo.length) this.#growUndo()
    this.#undo[this.#undoCount++] = at
    this.#undo[this.#undoCount++] = before
    state[at] = value
  }

  #growUndo(): void {
    const larger = new Int32Array(2 * this.#undo.length)
    larger.set(this.#undo)
    this.#undo = larger
  }

  /** Where the steps so far end, for {@link undoTo}. */
  get mark(): number {
    return this.#undoCount
  }

  /** Takes back every step since a mark. */
  undoTo(mark: number): void {
    const undo = this.#undo
    let count = this.#undoCount
    while (count > mark) {
      count -= 2
      this.state[undo[count]!] = undo[count + 1]!
    }
    this.#undoCount = count
  }

  /** Forgets how to undo: the state was replaced. */
  forget(): void {
    this.#undoCount = 0
  }
}
