/** Reads the machine that a command is about, and says what could not be read. */
import { formatDiagnostic, type Topology } from '@vfiokit/topology'
import { readSysfs, readTopologyFile } from '@vfiokit/topology/node'
import type { Terminal } from '../terminal.ts'
import { isSysfs } from './sysfs-place.ts'

/** Where a machine comes from. */
export interface InputFlags {
  /** A file, or a folder with a copy of sysfs; absent: the running system. */
  readonly from?: string | undefined
  readonly format?: string | undefined
  /** The machine is to be written whole: other attributes of sysfs too, which cost a file each. */
  readonly yaml?: boolean | undefined
}

/**
 * Reads a machine. When nothing of it could be used, every reason goes to stderr and there is no topology; lesser
 * faults are left in the topology, and their number is told.
 */
export function readMachine(flags: InputFlags, terminal: Terminal, tellFaults = true): Topology | undefined {
  const topology = readFrom(flags)
  if (topology.functions.length === 0) {
    for (const fault of topology.faults) terminal.err.write(`${formatDiagnostic(fault)}\n`)
    if (topology.faults.length === 0)
      terminal.err.write(`${flags.from ?? 'this system'} has no PCI function\n`)
    return undefined
  }
  const count = topology.faults.length
  if (tellFaults && count > 0)
    terminal.err.write(
      `${count} ${count === 1 ? 'fault' : 'faults'} in the data: see vfiokit topo --faults\n`,
    )
  return topology
}

function readFrom({ from, format, yaml }: InputFlags): Topology {
  const attributes = yaml === true
  if (from === undefined) return readSysfs({ attributes })
  if (isSysfs(from)) return readSysfs({ root: from, attributes })
  return readTopologyFile(from, format === undefined ? {} : { format })
}
