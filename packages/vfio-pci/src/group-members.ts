/** Which functions are in which IOMMU group. */
import type { PciFunction, Topology } from '@vfiokit/topology'

/** By number of the group; what has none is left out. */
export function groupMembers({ functions }: Topology): ReadonlyMap<number, readonly PciFunction[]> {
  const groups = new Map<number, PciFunction[]>()
  for (const fn of functions) {
    if (fn.iommuGroup === undefined) continue
    const members = groups.get(fn.iommuGroup)
    if (members === undefined) groups.set(fn.iommuGroup, [fn])
    else members.push(fn)
  }
  return groups
}
