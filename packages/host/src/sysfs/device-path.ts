/** Where a function is in sysfs, and how its links get from there to somewhere else. */
import { Bdf, type PciFunction, type Topology } from '@vfiokit/topology'

/** The directory of a function from the top of sysfs, one name for each bridge on the way. */
export function devicePath(topology: Topology, fn: PciFunction): readonly string[] {
  const above: Bdf[] = []
  let place: PciFunction | undefined = fn
  while (place !== undefined) {
    above.unshift(place.bdf)
    // A virtual function lies beside its physical one, also where its bus number is another.
    const beside: PciFunction | undefined = place.physfn && topology.function(place.physfn)
    const bridge: Bdf | undefined = (beside ?? place).parent
    place = bridge === undefined ? undefined : topology.function(bridge)
  }
  const root = topology.function(above[0]!)!
  return ['devices', rootBus(root), ...above]
}

/** What `readlink` says: up from the function's directory, then down to the target. */
export function linkText(topology: Topology, fn: PciFunction, target: string): string {
  const from = devicePath(topology, fn)
  const to = target.split('/')
  let shared = 0
  while (shared < from.length && shared < to.length && from[shared] === to[shared]) shared++
  return [...from.slice(shared).map(() => '..'), ...to.slice(shared)].join('/')
}

/** `pci0000:00`: the root bus that the topmost bridge or function is on. */
function rootBus(root: PciFunction): string {
  const { domain, bus } = Bdf.parts(root.bdf)
  return `pci${domain.toString(16).padStart(4, '0')}:${bus.toString(16).padStart(2, '0')}`
}
