/** A way into a component, and a way round in it in which every task that steps there takes a step. */
import { type Counterexample, type TraceStep, takeAndTell, taskNames } from '../report/counterexample.ts'
import type { StateGraph } from './state-graph.ts'

/** Part of a graph: its states, and which edges count. */
interface Component {
  readonly states: ReadonlySet<number>
  readonly keeps: (edge: number) => boolean
}

/** The steps of a lasso; `loopsFrom` is the step with which it begins anew. */
export function lassoOf(graph: StateGraph, component: Component): Counterexample {
  const entry = Math.min(...component.states)
  const stem = pathBetween(
    graph,
    0,
    (state) => state === entry,
    () => true,
  )
  const round = roundTrip(graph, component, entry)
  const steps = tell(graph, [...stem, ...round])
  const lockSemantics = graph.search.machine.semantics
  return { lockSemantics, steps, blocked: [], isShortest: false, loopsFrom: stem.length + 1 }
}

function roundTrip(graph: StateGraph, { states, keeps }: Component, entry: number): number[] {
  const { firstEdge, to, task } = graph
  const inside = (edge: number) => keeps(edge) && states.has(to[edge]!)
  const missing = new Set<number>()
  for (const state of states)
    for (let edge = firstEdge[state]!; edge < firstEdge[state + 1]!; edge++)
      if (inside(edge)) missing.add(task[edge]!)
  const edges: number[] = []
  let at = entry
  while (missing.size > 0) {
    const next = nextEdgeOf(graph, at, missing, inside)
    edges.push(...next)
    for (const edge of next) missing.delete(task[edge]!)
    at = to[next.at(-1)!]!
  }
  return [...edges, ...pathBetween(graph, at, (state) => state === entry, inside)]
}

/** Edges up to and with the nearest one of a task that is missing. */
function nextEdgeOf(
  graph: StateGraph,
  from: number,
  missing: ReadonlySet<number>,
  inside: (edge: number) => boolean,
): number[] {
  const { firstEdge, task } = graph
  const own = (state: number) => {
    for (let edge = firstEdge[state]!; edge < firstEdge[state + 1]!; edge++)
      if (inside(edge) && missing.has(task[edge]!)) return edge
    return undefined
  }
  const path = pathBetween(graph, from, (state) => own(state) !== undefined, inside)
  const last = path.length === 0 ? from : graph.to[path.at(-1)!]!
  return [...path, own(last)!]
}

/** The fewest edges from a state to one that is wanted. */
function pathBetween(
  { firstEdge, to }: StateGraph,
  from: number,
  isWanted: (state: number) => boolean,
  keeps: (edge: number) => boolean,
): number[] {
  const cameBy = new Map<number, { edge: number; before: number }>()
  const queue = [from]
  for (const state of queue) {
    if (isWanted(state)) {
      const path: number[] = []
      for (let at = state; at !== from; at = cameBy.get(at)!.before) path.push(cameBy.get(at)!.edge)
      return path.reverse()
    }
    for (let edge = firstEdge[state]!; edge < firstEdge[state + 1]!; edge++) {
      const next = to[edge]!
      if (!keeps(edge) || next === from || cameBy.has(next)) continue
      cameBy.set(next, { edge, before: state })
      queue.push(next)
    }
  }
  throw new Error(`no path from state ${from}`)
}

function tell({ search, task, way }: StateGraph, edges: readonly number[]): TraceStep[] {
  const { machine } = search
  const names = taskNames(machine.program)
  machine.reset()
  return edges.map((edge) => takeAndTell(machine, task[edge]!, way[edge]!, names[task[edge]!]!))
}
