/** Strongly connected components of a part of a state graph. Tarjan, without recursion. */
import type { StateGraph } from './state-graph.ts'

/** Which states and edges belong to the part. */
export interface GraphPart {
  readonly states: Iterable<number>
  has(state: number): boolean
  keeps(edge: number): boolean
}

/** @returns the components that have a cycle in them, as lists of states. */
export function cyclicComponents(graph: StateGraph, part: GraphPart): number[][] {
  return new Tarjan(graph, part).run()
}

const UNSEEN = 0

class Tarjan {
  readonly #order: Int32Array
  readonly #low: Int32Array
  readonly #onStack: Uint8Array
  readonly #nextEdge: Int32Array
  readonly #stack: number[] = []
  readonly #components: number[][] = []
  #count = UNSEEN

  constructor(
    readonly graph: StateGraph,
    readonly part: GraphPart,
  ) {
    const states = graph.firstEdge.length - 1
    this.#order = new Int32Array(states)
    this.#low = new Int32Array(states)
    this.#onStack = new Uint8Array(states)
    this.#nextEdge = new Int32Array(states)
  }

  run(): number[][] {
    for (const state of this.part.states) if (this.#order[state] === UNSEEN) this.#visit(state)
    return this.#components
  }

  #visit(root: number): void {
    const path = [root]
    this.#enter(root)
    while (path.length > 0) {
      const state = path.at(-1)!
      const edge = this.#nextEdge[state]!
      if (edge === this.graph.firstEdge[state + 1]!) {
        path.pop()
        this.#leave(state)
        const parent = path.at(-1)
        if (parent !== undefined) this.#low[parent] = Math.min(this.#low[parent]!, this.#low[state]!)
        continue
      }
      this.#nextEdge[state]!++
      const to = this.graph.to[edge]!
      if (!this.part.has(to) || !this.part.keeps(edge)) continue
      if (this.#order[to] === UNSEEN) {
        this.#enter(to)
        path.push(to)
      } else if (this.#onStack[to] === 1) this.#low[state] = Math.min(this.#low[state]!, this.#order[to]!)
    }
  }

  #enter(state: number): void {
    this.#order[state] = this.#low[state] = ++this.#count
    this.#nextEdge[state] = this.graph.firstEdge[state]!
    this.#onStack[state] = 1
    this.#stack.push(state)
  }

  #leave(state: number): void {
    if (this.#low[state] !== this.#order[state]) return
    const component: number[] = []
    for (;;) {
      const member = this.#stack.pop()!
      this.#onStack[member] = 0
      component.push(member)
      if (member === state) break
    }
    if (component.length > 1 || this.#leadsToItself(state)) this.#components.push(component)
  }

  #leadsToItself(state: number): boolean {
    const { firstEdge, to } = this.graph
    for (let edge = firstEdge[state]!; edge < firstEdge[state + 1]!; edge++)
      if (to[edge] === state && this.part.keeps(edge)) return true
    return false
  }
}
