/** Writes what `lspci -n` and, with names, `lspci -nn` print: one line per function. */
import { Bdf } from '../bdf.ts'
import type { PciFunction } from '../pci-function.ts'
import type { Topology } from '../topology.ts'

/** Words for the numbers of a function, from pci.ids or elsewhere; what is unknown may be left out. */
export interface FunctionNames {
  readonly className?: string
  readonly vendor?: string
  readonly device?: string
}

export interface LspciListOptions {
  /** With names each line is that of `-nn`, without that of `-n`. */
  readonly names?: (fn: PciFunction) => FunctionNames
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

/** The addresses of a topology as lspci prints them: with the domain when there is any other than 0. */
function lspciAddresses(topology: Topology): (fn: PciFunction) => string {
  const hasDomains = topology.functions.some((fn) => Bdf.parts(fn.bdf).domain !== 0)
  return (fn) => (hasDomains ? fn.bdf : fn.bdf.slice(fn.bdf.indexOf(':') + 1))
}

/**
 * @example
 * import { Bdf, TopologyBuilder, writeLspciList } from '@vfiokit/topology'
 * const sata = { vendorId: 0x8086, deviceId: 0x2922, classCode: 0x010601, revision: 2 }
 * const topology = new TopologyBuilder().addFunction({ bdf: Bdf.parse('00:1f.2'), ...sata }).finish()
 * console.log(writeLspciList(topology).trimEnd()) // => 00:1f.2 0106: 8086:2922 (rev 02)
 */
export function writeLspciList(topology: Topology, options: LspciListOptions = {}): string {
  const address = lspciAddresses(topology)
  return topology.functions.map((fn) => `${address(fn)} ${line(fn, options.names?.(fn))}\n`).join('')
}

function line(fn: PciFunction, names: FunctionNames | undefined): string {
  const kind = hex(fn.classCode >>> 8, 4)
  const ids = `${hex(fn.vendorId, 4)}:${hex(fn.deviceId, 4)}`
  const revision = fn.revision === 0 ? '' : ` (rev ${hex(fn.revision, 2)})`
  if (names === undefined) return `${kind}: ${ids}${revision}`
  const { className = 'Class', vendor, device = 'Device' } = names
  const name = vendor === undefined ? device : `${vendor} ${device}`
  return `${className} [${kind}]: ${name} [${ids}]${revision}`
}
