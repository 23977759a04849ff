/**
 * Writes a diff as plain text, one line for each difference, always in the same order. Long lists are cut: the diff
 * has them whole.
 */
import { formatDiagnostic } from '../diagnostic.ts'
import { type DiffValue, type FieldChange, listText } from './field-change.ts'
import type { GroupChange } from './group-comparison.ts'
import type { FunctionSummary, NamedDiff, TopologyDiff } from './topology-diff.ts'

/**
 * `-` is gone, `+` is new, `~` has changed; each line ends in a line feed. `no differences` when there are none.
 *
 * @example
 * import { diffTopologies, formatDiff, yamlReader } from '@vfiokit/topology'
 * const read = (functions: string) => yamlReader.read(`{vfiokit: topology/1, functions: [${functions}]}`, {})
 * const before = read("{bdf: '00:02.0', id: '8086:10c9', class: '020000'}")
 * const [line] = formatDiff(diffTopologies(before, read(''))).split('\n')
 * console.log(line) // => - function 0000:00:02.0 8086:10c9 class 020000
 */
export function formatDiff(diff: TopologyDiff): string {
  if (diff.isEmpty) return 'no differences\n'
  const { functions, groups, slots, buses, faults } = diff
  const lines = [
    ...functions.gone.map((fn) => `- function ${summaryText(fn)}`),
    ...functions.new.map((fn) => `+ function ${summaryText(fn)}`),
    ...functions.changed.flatMap(({ bdf, changes }) => changeLines(`function ${bdf}`, changes)),
    ...groups.map((group) => `~ group ${groupsText(group)}`),
    ...namedLines('slot', slots),
    ...namedLines('bus', buses),
    ...faults.gone.map((fault) => `- fault ${formatDiagnostic(fault)}`),
    ...faults.new.map((fault) => `+ fault ${formatDiagnostic(fault)}`),
  ]
  return lines.map((line) => `${line}\n`).join('')
}

function summaryText(fn: FunctionSummary): string {
  return `${fn.bdf} ${fn.id} class ${fn.class}`
}

function namedLines(kind: string, diff: NamedDiff): readonly string[] {
  return [
    ...diff.gone.map((name) => `- ${kind} ${name}`),
    ...diff.new.map((name) => `+ ${kind} ${name}`),
    ...diff.changed.flatMap(({ name, changes }) => changeLines(`${kind} ${name}`, changes)),
  ]
}

function changeLines(subject: string, changes: readonly FieldChange[]): readonly string[] {
  return changes.map(({ field, before, after }) => {
    if (!Array.isArray(before) || !Array.isArray(after)) {
      return `~ ${subject} ${field}: ${valueText(before)} -> ${valueText(after)}`
    }
    const [had, has] = [new Set<string>(before), new Set<string>(after)]
    const gone = before.filter((item) => !has.has(item)).map((item) => `-${item}`)
    const added = after.filter((item) => !had.has(item)).map((item) => `+${item}`)
    const difference = [...gone, ...added]
    // Only the order differs.
    if (difference.length === 0) return `~ ${subject} ${field}: ${valueText(before)} -> ${valueText(after)}`
    return `~ ${subject} ${field}: ${valueText(difference)}`
  })
}

function valueText(value: DiffValue): string {
  if (value === null) return 'none'
  return typeof value === 'object' ? listText(value) : String(value)
}

function groupsText({ before, after }: GroupChange): string {
  const side = (groups: GroupChange['before']): string => groups.map(listText).join(' | ')
  return `${side(before)} -> ${side(after)}`
}
