/** Automata with as few nodes as their behaviour allows. */
import type { Automaton, AutomatonNode } from './automaton.ts'

/** Without the nodes that nothing leads to; numbered in the order of a depth-first walk. */
export function reachable({ name, nodes }: Automaton): Automaton {
  const numbers = new Map<number, number>([[0, 0]])
  const order = [0]
  for (const at of order)
    for (const next of nodes[at]!.next)
      if (!numbers.has(next)) {
        numbers.set(next, order.length)
        order.push(next)
      }
  return {
    name,
    nodes: order.map((at) => {
      const node = nodes[at]!
      return { ...node, next: node.next.map((next) => numbers.get(next)!) }
    }),
  }
}

/** Joins nodes from which nothing different can ever be seen. Partition refinement. */
export function minimise({ name, nodes }: Automaton): Automaton {
  let classes = numbered(nodes.map(appearance))
  let count = new Set(classes).size
  for (;;) {
    classes = numbered(
      nodes.map((node, at) => `${classes[at]}:${node.next.map((next) => classes[next]).join()}`),
    )
    const refined = new Set(classes).size
    if (refined === count) break
    count = refined
  }
  const representative = new Map<number, number>()
  for (const [at, each] of classes.entries()) if (!representative.has(each)) representative.set(each, at)
  const joined = nodes.map((node) => ({
    ...node,
    next: node.next.map((next) => representative.get(classes[next]!)!),
  }))
  return reachable({ name, nodes: joined })
}

/** What can be seen of a node without taking a step. Text counts: a trace shows it. */
function appearance({ instruction, checks, held, progress, op, object }: AutomatonNode): string {
  const locks = held.map(({ lock, mode }) => `${lock}${mode}`).sort()
  return JSON.stringify([instruction, checks, locks, progress, op, object, checks.map(asksOf)])
}

const asked = new WeakMap<object, number>()
let askedCount = 0

/** A number for a predicate that JSON cannot show. */
function asksOf({ alsoAsk }: AutomatonNode['checks'][number]): number {
  if (alsoAsk === undefined) return 0
  if (!asked.has(alsoAsk)) asked.set(alsoAsk, ++askedCount)
  return asked.get(alsoAsk)!
}

function numbered(keys: readonly string[]): number[] {
  const numbers = new Map<string, number>()
  return keys.map((key) => {
    let number = numbers.get(key)
    if (number === undefined) {
      number = numbers.size
      numbers.set(key, number)
    }
    return number
  })
}
