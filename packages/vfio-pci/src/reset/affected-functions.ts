/** What a hot reset of a function hits, and through which bridge. */
import { Bdf, type ResetDomainOptions, resetDomain, type Topology } from '@vfiokit/topology'

/** The reach of one hot reset. */
export interface AffectedFunctions {
  /** The bridge whose secondary bus is reset. */
  readonly bridge: Bdf
  /** Everything below, bridges and functions of other drivers included, in BDF order. */
  readonly functions: readonly Bdf[]
}

/** undefined when neither slot nor bus can be reset: on a root bus, for instance. */
export function affectedFunctions(
  topology: Topology,
  bdf: Bdf,
  options: ResetDomainOptions = {},
): AffectedFunctions | undefined {
  const { hot } = resetDomain(topology, bdf, options)
  const { domain, bus } = Bdf.parts(bdf)
  const bridge = topology.bus(domain, bus)?.bridge
  if (hot === undefined || bridge === undefined) return undefined
  return { bridge, functions: hot.functions }
}
