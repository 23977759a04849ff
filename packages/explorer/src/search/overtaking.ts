/**
 * How often others get a lock while one task waits for it.
 *
 * A task waits from the moment at which it stands before a lock that it cannot have, or is in its queue,
 * until it has it. In between others may be given the lock, the same one several times: each time counts.
 */
import { cyclicComponents } from './components.ts'
import { KIND } from './node-tables.ts'
import type { StateGraph } from './state-graph.ts'

/** The longest wait of one kind of task for one lock. */
export interface Overtaking {
  /** What the task does, as its automaton is called. */
  readonly task: string
  readonly lock: string
  /** At most so many others get the lock meanwhile; absent when there is no bound. */
  readonly count?: number
}

/** Every lock that some task can have to wait for, with the longest wait for it. */
export function overtakings(graph: StateGraph): Overtaking[] {
  return new Waits(graph).measure()
}

class Waits {
  readonly #states: number
  readonly #lockCount: number
  /** `[state * locks + lock]`: the tasks that hold it, as bits. */
  readonly #holders: Int32Array
  /** Where the task that is looked at stands, by state; and whether it can have the lock there. */
  readonly #place: Int32Array
  readonly #isHeldUp: Uint8Array

  constructor(readonly graph: StateGraph) {
    this.#states = graph.firstEdge.length - 1
    this.#lockCount = graph.search.machine.program.symbols.locks.length
    this.#holders = new Int32Array(this.#states * this.#lockCount)
    this.#place = new Int32Array(this.#states)
    this.#isHeldUp = new Uint8Array(this.#states)
    const { machine, packing, store } = graph.search
    for (let state = 0; state < this.#states; state++) {
      packing.unpack(store.states, state * packing.words)
      for (let task = 0; task < machine.taskCount; task++)
        for (const { lock } of machine.tables.heldSets[machine.tables.held[machine.state[task]!]!]!)
          this.#holders[state * this.#lockCount + lock]! |= 1 << task
    }
  }

  /** Tasks of one kind are alike, so one of each is looked at. */
  measure(): Overtaking[] {
    const { automata, tasks, symbols } = this.graph.search.machine.program
    const seen = new Set<number>()
    return tasks.flatMap(({ automaton }, task) => {
      if (seen.has(automaton)) return []
      seen.add(automaton)
      this.#follow(task)
      const longest = new Map<number, number>()
      for (const [lock, count] of this.#waitsOf(task, automaton))
        longest.set(lock, Math.max(longest.get(lock) ?? 0, count))
      return [...longest].map(([lock, count]) => ({
        task: automata[automaton]!.name,
        lock: symbols.locks[lock]!.name,
        ...(count === Number.POSITIVE_INFINITY ? {} : { count }),
      }))
    })
  }

  #follow(task: number): void {
    const { machine, packing, store } = this.graph.search
    for (let state = 0; state < this.#states; state++) {
      packing.unpack(store.states, state * packing.words)
      this.#place[state] = machine.state[task]!
      this.#isHeldUp[state] = Number(machine.isQueued(task) || !machine.isEnabled(task))
    }
  }

  /** For each place at which the task may have to wait: the lock, and how often others get it meanwhile. */
  *#waitsOf(task: number, automaton: number): Generator<readonly [lock: number, count: number]> {
    const { machine } = this.graph.search
    const { base, kind, object } = machine.tables
    const first = base[automaton]!
    const end = first + machine.program.automata[automaton]!.nodes.length
    for (let node = first; node < end; node++) {
      if (kind[node] !== KIND.ACQUIRE_WRITE && kind[node] !== KIND.ACQUIRE_READ) continue
      const waiting = this.#waiting(node)
      if (waiting.length > 0) yield [object[node]!, this.#most(waiting, node, object[node]!, task)]
    }
  }

  /** The states in which the task waits at a place, in ascending order. */
  #waiting(node: number): number[] {
    const { firstEdge, to } = this.graph
    const found = new Set<number>()
    const pending: number[] = []
    for (let state = 0; state < this.#states; state++)
      if (this.#place[state] === node && this.#isHeldUp[state] === 1) pending.push(state)
    for (let state = pending.pop(); state !== undefined; state = pending.pop()) {
      if (found.has(state)) continue
      found.add(state)
      for (let edge = firstEdge[state]!; edge < firstEdge[state + 1]!; edge++)
        if (this.#place[to[edge]!] === node) pending.push(to[edge]!)
    }
    return [...found].sort((a, b) => a - b)
  }

  #most(waiting: readonly number[], node: number, lock: number, task: number): number {
    const given = (from: number, edge: number) => this.#given(from, this.graph.to[edge]!, lock, task)
    if (this.#goesRound(waiting, given)) return Number.POSITIVE_INFINITY
    const { firstEdge, to } = this.graph
    const most = new Map<number, number>(waiting.map((state) => [state, 0]))
    // Most steps lead to later states, so that few rounds from the last to the first are enough.
    for (let changed = true; changed; ) {
      changed = false
      for (let at = waiting.length - 1; at >= 0; at--) {
        const state = waiting[at]!
        for (let edge = firstEdge[state]!; edge < firstEdge[state + 1]!; edge++) {
          const behind = most.get(to[edge]!) ?? 0
          const count = given(state, edge) + (this.#place[to[edge]!] === node ? behind : 0)
          if (count <= most.get(state)!) continue
          most.set(state, count)
          changed = true
        }
      }
    }
    return Math.max(...most.values())
  }

  /** Whether others can be given the lock again and again while the task waits. */
  #goesRound(waiting: readonly number[], given: (from: number, edge: number) => number): boolean {
    const { firstEdge, to } = this.graph
    const members = new Set(waiting)
    const part = { states: waiting, has: (state: number) => members.has(state), keeps: () => true }
    return cyclicComponents(this.graph, part).some((component) => {
      const inside = new Set(component)
      return component.some((state) => {
        for (let edge = firstEdge[state]!; edge < firstEdge[state + 1]!; edge++)
          if (inside.has(to[edge]!) && given(state, edge) > 0) return true
        return false
      })
    })
  }

  /** How many others have the lock after a step that did not have it before. */
  #given(from: number, to: number, lock: number, task: number): number {
    const before = this.#holders[from * this.#lockCount + lock]!
    let got = this.#holders[to * this.#lockCount + lock]! & ~before & ~(1 << task)
    let count = 0
    for (; got !== 0; got &= got - 1) count++
    return count
  }
}
