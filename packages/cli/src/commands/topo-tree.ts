/**
 * `vfiokit topo --tree` of a running system or a copy of one: reads what a tree shows and loads nothing else, so that
 * it is a peer of lspci -t on machines with thousands of functions.
 */
import type { Diagnostic } from '@vfiokit/topology'
import { writeLspciTree } from '@vfiokit/topology/lspci'
import { readSysfs } from '@vfiokit/topology/sysfs'
import { cutToWidth, type Terminal } from '../terminal.ts'

/** @returns the exit code */
export function showTree(root: string | undefined, terminal: Terminal): number {
  const topology = readSysfs({ detail: 'tree', ...(root === undefined ? {} : { root }) })
  for (const fault of topology.faults) terminal.err.write(`${told(fault)}\n`)
  if (topology.functions.length === 0) return 2
  terminal.out.write(cutToWidth(writeLspciTree(topology), terminal))
  return 0
}

/** The formatter of diagnostics comes with the readers; these have neither line nor expectation. */
function told({ severity, message, file }: Diagnostic): string {
  return file === undefined ? `${severity}: ${message}` : `${file}: ${severity}: ${message}`
}
