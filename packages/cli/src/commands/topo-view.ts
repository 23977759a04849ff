/** What `vfiokit topo` prints. */
import {
  describeGroupReason,
  formatDiagnostic,
  type GroupVerdict,
  KERNEL_PROFILES,
  type KernelName,
  type PciFunction,
  predictGroups,
  reportLines,
  type Topology,
  topologyReport,
  writeLspciList,
  writeLspciTree,
  writeYaml,
} from '@vfiokit/topology'
import { loadPciNames, type PciNames } from '@vfiokit/topology/names'
import { type Colour, cutToWidth, painter, type Terminal } from '../terminal.ts'
import type { TopoFlags } from './topo.ts'
import { readMachine } from './topology-input.ts'

/** @returns the exit code */
export async function showTopology(flags: TopoFlags, terminal: Terminal): Promise<number> {
  const kernel = kernelOf(flags.kernel)
  if (kernel === undefined) {
    const known = Object.keys(KERNEL_PROFILES).join(', ')
    terminal.err.write(`vfiokit: unknown kernel (expected ${known}, found ${flags.kernel})\n`)
    return 2
  }
  const topology = readMachine(flags, terminal, flags.faults !== true && flags.json !== true)
  if (topology === undefined) return 2
  // Line by line: the report of a very large machine is longer than a string can be.
  if (flags.json === true)
    for (const line of reportLines(topologyReport(topology, { kernel }))) terminal.out.write(line)
  else terminal.out.write(await viewOf(topology, flags, terminal))
  return 0
}

function kernelOf(name = '7.2'): KernelName | undefined {
  return name in KERNEL_PROFILES ? (name as KernelName) : undefined
}

async function viewOf(topology: Topology, flags: TopoFlags, terminal: Terminal): Promise<string> {
  if (flags.yaml === true) return writeYaml(topology)
  if (flags.tree === true) return cutToWidth(writeLspciTree(topology), terminal)
  if (flags.faults === true) return topology.faults.map((fault) => `${formatDiagnostic(fault)}\n`).join('')
  if (flags.groups === true) return groupsText(topology)
  const names = await loadPciNames()
  if (flags.lspci === true) return writeLspciList(topology, { names: (fn) => names.of(fn) })
  const paint = painter(terminal)
  return cutToWidth(writeLspciTree(topology, { describe: (fn) => described(fn, names, paint) }), terminal)
}

/** What a person wants to see behind an address. */
function described(
  fn: PciFunction,
  names: PciNames,
  paint: (colour: Colour, text: string) => string,
): string {
  const { vendor, device } = names.of(fn)
  const ids = [fn.vendorId, fn.deviceId].map((id) => id.toString(16).padStart(4, '0')).join(':')
  const name = device === undefined ? `${vendor ?? 'Device'} ${ids}` : `${vendor} ${device}`
  const marks = [
    ...(fn.iommuGroup === undefined ? [] : [`group ${fn.iommuGroup}`]),
    ...(fn.slot === undefined ? [] : [`slot ${fn.slot}`]),
    ...(fn.driver === undefined ? [] : [fn.driver]),
  ]
  return marks.length === 0 ? name : `${name}  ${paint('cyan', marks.join(', '))}`
}

/** Groups as the kernel formed them, else as it would; each member with what joins it to the rest. */
function groupsText(topology: Topology): string {
  const prediction = predictGroups(topology, { acs: 'as-linux-enables' })
  const recorded = topology.functions.some(({ iommuGroup }) => iommuGroup !== undefined)
  const groups = recorded
    ? recordedGroups(topology)
    : prediction.groups.map((members, at) => [`${at}`, members] as const)
  const title = recorded ? 'group' : 'predicted group'
  const lines = groups.flatMap(([name, members]) => [
    `${title} ${name}`,
    ...members.map((bdf) => `  ${bdf}  ${reasonText(prediction.verdict(bdf))}`),
  ])
  return `${[...lines, ...prediction.warnings.map(formatDiagnostic)].join('\n')}\n`
}

function recordedGroups(topology: Topology): (readonly [string, readonly PciFunction['bdf'][]])[] {
  const groups = new Map<number, PciFunction['bdf'][]>()
  for (const { bdf, iommuGroup } of topology.functions) {
    if (iommuGroup === undefined) continue
    const members = groups.get(iommuGroup)
    if (members === undefined) groups.set(iommuGroup, [bdf])
    else members.push(bdf)
  }
  return [...groups].sort(([a], [b]) => a - b).map(([number, members]) => [`${number}`, members] as const)
}

function reasonText(verdict: GroupVerdict | undefined): string {
  if (verdict === undefined) return ''
  const doubt = verdict.confidence === 'certain' ? '' : ` (${verdict.confidence})`
  return `${describeGroupReason(verdict.reason)}${doubt}`
}
