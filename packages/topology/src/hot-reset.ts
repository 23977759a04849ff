/**
 * Hot reset through VFIO: what it would hit, who would have to agree, and whether it can ever be done.
 *
 * Two different sets (vfio_pci_core_register_device, vfio_pci_ioctl_get_pci_hot_reset_info): the *reported* set is
 * everything on the slot or bus and below it, bridges included; the *device set* is the functions that a VFIO driver
 * can have and that share a slot, or a bus, with this one. A hot reset needs all of the first in the second.
 */
import type { Bdf } from './bdf.ts'
import { DEFAULT_KERNEL, type KernelName } from './kernel-profile.ts'
import type { PciFunction } from './pci-function.ts'
import { type ResetDomain, type ResetDomainOptions, resetDomain } from './reset-domain.ts'
import type { Topology } from './topology.ts'

/** The prospects of a hot reset. */
export interface HotReset {
  /** What VFIO reports it would hit, in BDF order; empty when neither slot nor bus can be reset. */
  readonly reported: readonly Bdf[]
  /** The functions of the device set, were all that can be bound to a VFIO driver. In BDF order. */
  readonly deviceSet: readonly Bdf[]
  /** Whether it can succeed, given that everything in the device set is bound and owned. */
  readonly possible: boolean
  /** Why not, or what it takes. */
  readonly reason: string
}

/**
 * What makes the device set of a function: itself on a root bus or as a virtual function, else its slot if that can
 * be reset, else its bus.
 *
 * @throws RangeError when the topology has no such function.
 */
export function deviceSetKey(topology: Topology, bdf: Bdf, options: ResetDomainOptions = {}): string {
  const fn = topology.function(bdf)
  if (fn === undefined) throw new RangeError(`${bdf} is not in the topology`)
  if (fn.parent === undefined || fn.physfn !== undefined) return bdf
  if (resetDomain(topology, bdf, options).slot !== undefined) return `slot ${fn.slot}`
  return `bus ${bdf.slice(0, bdf.lastIndexOf(':'))}`
}

/**
 * @throws RangeError when the topology has no such function.
 *
 * @example
 * import { Bdf, hotReset, yamlReader } from '@vfiokit/topology'
 * const topology = yamlReader.read(`
 * vfiokit: topology/1
 * functions:
 *   - {bdf: '00:01.0', id: '1b36:000c', class: '060400', bridge: {secondary: 1, subordinate: 2}}
 *   - {bdf: '01:00.0', id: '10de:2684'}
 *   - {bdf: '01:01.0', id: '1b36:0001', class: '060400', bridge: {secondary: 2, subordinate: 2}}
 * `, {})
 * console.log(hotReset(topology, Bdf.parse('01:00.0')).reason) // => 0000:01:01.0 is a bridge, which no VFIO driver takes
 */
export function hotReset(topology: Topology, bdf: Bdf, options: ResetDomainOptions = {}): HotReset {
  const { hot } = resetDomain(topology, bdf, options)
  const key = deviceSetKey(topology, bdf, options)
  const deviceSet = setsOf(topology, options).get(key) ?? [bdf]
  if (hot === undefined) return { reported: [], deviceSet, possible: false, reason: noReset(topology, bdf) }
  const outside = firstOutside(hot, deviceSet)
  const reason =
    outside !== undefined
      ? whyOutside(topology.function(outside)!)
      : hot.functions.length === 1
        ? 'nothing else is hit'
        : 'everything that is hit must be bound to a VFIO driver and owned'
  return { reported: hot.functions, deviceSet, possible: outside === undefined, reason }
}

/** Device sets by key, found once for a topology and kernel: every function of a set shares its list. */
const KNOWN_SETS = new WeakMap<Topology, Map<KernelName, ReadonlyMap<string, readonly Bdf[]>>>()

function setsOf(topology: Topology, options: ResetDomainOptions): ReadonlyMap<string, readonly Bdf[]> {
  const kernel = options.kernel ?? DEFAULT_KERNEL
  const ofTopology = KNOWN_SETS.get(topology) ?? new Map()
  KNOWN_SETS.set(topology, ofTopology)
  const known = ofTopology.get(kernel)
  if (known !== undefined) return known
  const sets = new Map<string, Bdf[]>()
  for (const fn of topology.functions) {
    if (!isBindable(fn)) continue
    const key = deviceSetKey(topology, fn.bdf, options)
    const set = sets.get(key)
    if (set === undefined) sets.set(key, [fn.bdf])
    else set.push(fn.bdf)
  }
  ofTopology.set(kernel, sets)
  return sets
}

/** Asked once for a reach and a set, whichever of its functions is looked at. */
const KNOWN_OUTSIDE = new WeakMap<ResetDomain, Map<readonly Bdf[], Bdf | undefined>>()

function firstOutside(hot: ResetDomain, deviceSet: readonly Bdf[]): Bdf | undefined {
  const known = KNOWN_OUTSIDE.get(hot) ?? new Map<readonly Bdf[], Bdf | undefined>()
  KNOWN_OUTSIDE.set(hot, known)
  if (!known.has(deviceSet)) {
    const members = new Set(deviceSet)
    known.set(
      deviceSet,
      hot.functions.find((hit) => !members.has(hit)),
    )
  }
  return known.get(deviceSet)
}

/** vfio-pci takes type 0 headers only. */
function isBindable(fn: PciFunction): boolean {
  return fn.headerType === 0
}

function noReset(topology: Topology, bdf: Bdf): string {
  const fn = topology.function(bdf)!
  if (fn.parent === undefined) return `${bdf} is on a root bus: no bridge could reset it`
  return 'neither the slot nor the bus can be reset: a device there, or the bridge, does not survive it'
}

function whyOutside(fn: PciFunction): string {
  if (fn.headerType !== 0) return `${fn.bdf} is a bridge, which no VFIO driver takes`
  if (fn.physfn !== undefined) return `${fn.bdf} is a virtual function, a set of its own`
  return `${fn.bdf} is hit too and cannot be in the same device set`
}
