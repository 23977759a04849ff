/** Strongly connected components of a small graph. Kosaraju, without recursion. */

/** @returns for each node, the number of its component. */
export function stronglyConnected(
  nodeCount: number,
  edges: readonly { readonly from: number; readonly to: number }[],
): Int32Array {
  const forward = lists(nodeCount, edges, 'from', 'to')
  const backward = lists(nodeCount, edges, 'to', 'from')
  const order: number[] = []
  const seen = new Uint8Array(nodeCount)
  for (let node = 0; node < nodeCount; node++) if (seen[node] === 0) walk(node, forward, seen, order)
  const component = new Int32Array(nodeCount).fill(-1)
  const taken = new Uint8Array(nodeCount)
  for (const root of order.reverse()) {
    if (taken[root] === 1) continue
    const members: number[] = []
    walk(root, backward, taken, members)
    for (const member of members) component[member] = root
  }
  return component
}

function lists(
  nodeCount: number,
  edges: readonly { readonly from: number; readonly to: number }[],
  from: 'from' | 'to',
  to: 'from' | 'to',
): number[][] {
  const neighbours = Array.from({ length: nodeCount }, (): number[] => [])
  for (const edge of edges) neighbours[edge[from]]!.push(edge[to])
  return neighbours
}

/** Adds what is reached, each behind all that is reached from it. */
function walk(root: number, neighbours: readonly number[][], seen: Uint8Array, finished: number[]): void {
  const path = [{ node: root, edge: 0 }]
  seen[root] = 1
  while (path.length > 0) {
    const top = path.at(-1)!
    const next = neighbours[top.node]![top.edge++]
    if (next === undefined) {
      finished.push(top.node)
      path.pop()
    } else if (seen[next] === 0) {
      seen[next] = 1
      path.push({ node: next, edge: 0 })
    }
  }
}
