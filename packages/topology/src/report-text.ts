/** Writes a report as JSON text, one line for each function, bus, slot and fault. */
import type { TopologyReport } from './topology-report.ts'

/**
 * The text in pieces of a line: groups are lists in every member, so the whole of a large machine is long.
 * The same report always gives the same text.
 */
export function* reportLines(report: TopologyReport): Iterable<string> {
  yield '{\n'
  const keys = ['functions', 'buses', 'slots', 'faults'] as const
  for (const key of keys) {
    const entries = report[key]
    yield `"${key}": [${entries.length === 0 ? '' : '\n'}`
    for (const [index, entry] of entries.entries()) {
      yield `${JSON.stringify(entry)}${index + 1 < entries.length ? ',' : ''}\n`
    }
    yield key === keys.at(-1) ? ']\n' : '],\n'
  }
  yield '}\n'
}

/**
 * @example
 * import { TopologyBuilder, topologyReport, writeReport } from '@vfiokit/topology'
 * const text = writeReport(topologyReport(new TopologyBuilder().finish()))
 * console.log(Object.keys(JSON.parse(text)).join(' ')) // => functions buses slots faults
 */
export function writeReport(report: TopologyReport): string {
  return [...reportLines(report)].join('')
}
