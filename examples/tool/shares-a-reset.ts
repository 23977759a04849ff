/** What shares a reset with my card? One line per function that a hot reset of it would hit. */
import { Bdf, type PciFunction, resetDomain, type Topology } from '@vfiokit/topology'

/** The lines, or one that says why there is no such reset. */
export function sharesAReset(topology: Topology, card: string): string[] {
  const bdf = Bdf.tryParse(card)
  if (bdf === undefined || topology.function(bdf) === undefined) return [`${card} is not in this machine`]
  const { hot } = resetDomain(topology, bdf)
  if (hot === undefined) return [`neither the slot nor the bus of ${bdf} can be reset`]
  return hot.functions.map((hit) => `${hit}  ${describe(topology.function(hit)!)}`)
}

function describe({ vendorId, deviceId, driver }: PciFunction): string {
  const id = `${vendorId.toString(16).padStart(4, '0')}:${deviceId.toString(16).padStart(4, '0')}`
  return `${id}  ${driver ?? 'no driver'}`
}
