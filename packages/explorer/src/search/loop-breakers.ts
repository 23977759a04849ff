/**
 * Nodes that every cycle of states passes one of.
 *
 * A cycle of states takes tasks round in their automata and gives every variable its old value back. So
 * a variable that is written one value only, in all that goes round, does not change at all in a cycle,
 * and what needs it to be something else is in none. What is left must be broken: node by node is
 * chosen until nothing can go round any more.
 */
import type { AutomatonNode, VariableTable } from '../program/automaton.ts'
import type { Program } from '../program/program.ts'
import { stronglyConnected } from './strongly-connected.ts'

interface Edge {
  readonly from: number
  readonly to: number
  readonly result: number
}

/** @returns the nodes, by their number among the nodes of all automata. */
export function loopBreakers(
  program: Program,
  nodes: readonly AutomatonNode[],
  base: readonly number[],
): Set<number> {
  return new Breaking(program, nodes, base).run()
}

class Breaking {
  readonly #taskCount: Int32Array
  #edges: readonly Edge[]

  constructor(
    readonly program: Program,
    readonly nodes: readonly AutomatonNode[],
    base: readonly number[],
  ) {
    this.#taskCount = new Int32Array(nodes.length)
    const edges: Edge[] = []
    for (const { automaton } of program.tasks) {
      const first = base[automaton]!
      for (const [at, { next }] of program.automata[automaton]!.nodes.entries()) {
        // Edges once for each automaton, however many tasks run it.
        if (this.#taskCount[first + at]!++ > 0) continue
        for (const [result, to] of next.entries()) edges.push({ from: first + at, to: first + to, result })
      }
    }
    this.#edges = edges
  }

  run(): Set<number> {
    const breakers = new Set<number>()
    for (;;) {
      this.#edges = this.#feasible(this.#edges)
      if (this.#edges.length === 0) return breakers
      const breaker = this.#choose()
      breakers.add(breaker)
      this.#edges = this.#edges.filter(({ from }) => from !== breaker)
    }
  }

  /** A write of few tasks under many locks: few states have somebody there, and others can do little. */
  #choose(): number {
    const rank = (at: number): readonly number[] => {
      const { instruction, held } = this.nodes[at]!
      return [Number(instruction.kind !== 'write'), this.#taskCount[at]!, -held.length, at]
    }
    const candidates = [...new Set(this.#edges.map(({ from }) => from))]
    return candidates.reduce((best, at) => (isLess(rank(at), rank(best)) ? at : best))
  }

  /** The edges that may be in a cycle of states. */
  #feasible(edges: readonly Edge[]): readonly Edge[] {
    let left: readonly Edge[] = this.#cyclic(edges)
    for (let variable = 0; variable < this.program.symbols.variables.length; variable++) {
      const narrowed = this.#narrow(left, variable)
      if (narrowed.length === left.length) continue
      left = narrowed
      variable = -1
    }
    return left
  }

  /** Without what needs a variable to change that no cycle changes. */
  #narrow(edges: readonly Edge[], variable: number): readonly Edge[] {
    const written = new Set<number>()
    for (const { from } of edges) {
      const { instruction } = this.nodes[from]!
      if (instruction.kind === 'write')
        for (const write of instruction.writes) if (write.variable === variable) written.add(write.value)
    }
    if (written.size > 1) return edges
    const possible = new Set<Edge>()
    for (let value = 0; value < this.program.symbols.variables[variable]!.size; value++)
      for (const edge of this.#cyclic(edges.filter((each) => this.#fits(each, variable, value))))
        possible.add(edge)
    return edges.filter((edge) => possible.has(edge))
  }

  /** Whether a step can be taken while a variable has a value, and keeps it. */
  #fits({ from, result }: Edge, variable: number, value: number): boolean {
    const { instruction } = this.nodes[from]!
    switch (instruction.kind) {
      case 'read':
        return hasEntry(instruction.table, result, variable, value, this.program)
      case 'first': {
        const member = instruction.variables[result]
        if (member === undefined) return value === 0 || !instruction.variables.includes(variable)
        return member !== variable || value === 1
      }
      case 'write':
        return instruction.writes.every(
          (write) => write.variable !== variable || write.value === value || write.guard !== undefined,
        )
      default:
        return true
    }
  }

  #cyclic(edges: readonly Edge[]): Edge[] {
    const component = stronglyConnected(this.nodes.length, edges)
    return edges.filter(({ from, to }) => component[from] === component[to])
  }
}

function hasEntry(
  { variables, entries }: VariableTable,
  entry: number,
  variable: number,
  value: number,
  { symbols }: Program,
): boolean {
  let stride = entries.length
  for (const each of variables) {
    const { size } = symbols.variables[each]!
    stride /= size
    if (each !== variable) continue
    return entries.some((found, at) => found === entry && Math.floor(at / stride) % size === value)
  }
  return entries.includes(entry)
}

function isLess(one: readonly number[], other: readonly number[]): boolean {
  const at = one.findIndex((each, index) => each !== other[index])
  return at >= 0 && one[at]! < other[at]!
}
