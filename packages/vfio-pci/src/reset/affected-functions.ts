/** What a hot reset of a function hits, and through which bridge. */
import { Bdf, resetDomain, type Topology } from '@vfiokit/topology'
import { VfioError } from '@vfiokit/vfio-core'

/** The reach of one hot reset. */
export interface AffectedFunctions {
  /** The bridge whose secondary bus is reset. */
  readonly bridge: Bdf
  /** Everything below, bridges and functions of other drivers included, in BDF order. */
  readonly functions: readonly Bdf[]
}

/** @throws VfioError ENODEV when neither slot nor bus can be reset: on a root bus, for instance. */
export function affectedFunctions(topology: Topology, bdf: Bdf): AffectedFunctions {
  const { hot } = resetDomain(topology, bdf)
  const { domain, bus } = Bdf.parts(bdf)
  const bridge = topology.bus(domain, bus)?.bridge
  if (hot === undefined || bridge === undefined)
    throw new VfioError('ENODEV', 'no-reset', `neither the slot nor the bus of ${bdf} can be reset`)
  return { bridge, functions: hot.functions }
}

/**
 * What makes the device set of a function: itself on a root bus or as a virtual function, else its
 * slot if that can be reset, else its bus. Kernel: `vfio_pci_core_register_device`.
 */
export function deviceSetKey(topology: Topology, bdf: Bdf): string {
  const fn = topology.function(bdf)
  if (fn === undefined) throw new RangeError(`${bdf} is not in the topology`)
  if (fn.parent === undefined || fn.physfn !== undefined) return bdf
  if (resetDomain(topology, bdf).slot !== undefined) return `slot ${fn.slot}`
  const { domain, bus } = Bdf.parts(bdf)
  return `bus ${domain.toString(16).padStart(4, '0')}:${bus.toString(16).padStart(2, '0')}`
}
