/** An automaton as a graph, for Graphviz. */
import type { Automaton } from '../program/automaton.ts'

/** @returns the text of a digraph: a node for each step, an edge for each result. */
export function dotOf({ name, nodes }: Automaton): string {
  return [
    `digraph ${quoted(name)} {`,
    '  node [shape=box];',
    ...nodes.map(({ op, object, checks }, at) => {
      const asked = checks.map(({ property }) => property)
      const text = [`${op} ${object}`.trim(), ...asked].join('\n')
      return `  n${at} [label=${quoted(text)}];`
    }),
    ...nodes.flatMap(({ next, results }, at) =>
      next.map((to, result) => `  n${at} -> n${to} [label=${quoted(results[result] ?? '')}];`),
    ),
    '}',
    '',
  ].join('\n')
}

function quoted(text: string): string {
  return `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`
}
