/** TopologyReader: one text format from which a topology can be read. Readers are plugins. */
import type { Topology } from '../topology.ts'

export interface ReadSource {
  /** Name of the file, for diagnostics. */
  readonly file?: string
}

export interface TopologyReader {
  /** Short kebab-case name, e.g. `sysfs-snapshot`. */
  readonly format: string
  /** Whether a text looks like this format. Cheap, and never throws. */
  recognises(text: string): boolean
  /** Never throws on bad data: what cannot be used is in `faults` of the topology. */
  read(text: string, source: ReadSource): Topology
}
