/** What `vfiokit topo diff` and `vfiokit topo what-if` print. */
import {
  applyEdits,
  diffTopologies,
  formatDiagnostic,
  formatDiff,
  parseEdit,
  type Topology,
  type TopologyEdit,
  writeYaml,
} from '@vfiokit/topology'
import type { Terminal } from '../terminal.ts'
import { readMachine } from './topology-input.ts'

interface DiffFlags {
  readonly json?: boolean
  readonly yaml?: boolean
}

/** @returns the exit code: 0 when nothing differs, 1 when something does, as diff has it. */
export async function showDifference(
  a: string,
  b: string,
  flags: DiffFlags,
  terminal: Terminal,
): Promise<number> {
  const before = readMachine({ from: a }, terminal)
  const after = readMachine({ from: b }, terminal)
  if (before === undefined || after === undefined) return 2
  const diff = diffTopologies(before, after)
  terminal.out.write(flags.json === true ? `${JSON.stringify(diff, undefined, 2)}\n` : formatDiff(diff))
  return diff.isEmpty ? 0 : 1
}

/** @returns the exit code: 2 when an edit could not be understood or done. */
export async function showWhatIf(
  file: string,
  texts: readonly string[],
  flags: DiffFlags,
  terminal: Terminal,
): Promise<number> {
  const topology = readMachine({ from: file }, terminal)
  const edits = editsOf(texts, terminal)
  if (topology === undefined || edits === undefined) return 2
  const result = applyEdits(topology, edits)
  for (const fault of result.diagnostics) terminal.err.write(`${formatDiagnostic(fault)}\n`)
  if (result.diagnostics.some(({ severity }) => severity === 'error')) return 2
  terminal.out.write(outcome(topology, result.topology, flags))
  return 0
}

function editsOf(texts: readonly string[], terminal: Terminal): TopologyEdit[] | undefined {
  const parsed = texts.map(parseEdit)
  const edits = parsed.flatMap((each) => {
    if (each.ok) return [each.edit]
    terminal.err.write(`${formatDiagnostic(each.diagnostic)}\n`)
    return []
  })
  return edits.length === parsed.length ? edits : undefined
}

/**
 * Groups are compared twice: with access control as it was set, which edits of it change, and as Linux would set it
 * for an IOMMU. The machine that is only thought of has none recorded.
 */
function outcome(before: Topology, after: Topology, flags: DiffFlags): string {
  if (flags.yaml === true) return writeYaml(after)
  const asFound = diffTopologies(before, after, { groups: 'as-found' })
  const enabled = diffTopologies(before, after, { groups: 'as-linux-enables' }).groups
  if (flags.json === true)
    return `${JSON.stringify({ ...asFound, groupsAsLinuxEnables: enabled }, undefined, 2)}\n`
  const same = JSON.stringify(asFound.groups) === JSON.stringify(enabled)
  const note = same
    ? ''
    : `\nGroups as Linux would set access control: ${enabled.length === 0 ? 'the same as before' : `${enabled.length} differ`}\n`
  return `${formatDiff(asFound)}${note}`
}
