/**
 * ResetDomain: which functions a reset of a function, its slot or its bus hits together.
 *
 * As Linux decides it (pci_probe_reset_slot, pci_probe_reset_bus, vfio_pci_for_each_slot_or_bus): a bus can be
 * reset when a bridge leads to it and neither that bridge nor anything on or below the bus forbids it; a slot when
 * its hot-plug driver can and the same holds for its functions. VFIO's hot reset takes the slot if it can, else
 * the bus.
 */
import { Bdf } from './bdf.ts'
import type { Bus } from './bus.ts'
import { DEFAULT_KERNEL, KERNEL_PROFILES, type KernelName, type KernelProfile } from './kernel-profile.ts'
import type { PciFunction } from './pci-function.ts'
import { forbidsBusReset } from './quirks/no-bus-reset.ts'
import { type Slot, slotHolds } from './slot.ts'
import type { Topology } from './topology.ts'

export interface ResetDomain {
  readonly scope: 'function' | 'slot' | 'bus'
  /** Everything that is hit, bridges included, in BDF order. */
  readonly functions: readonly Bdf[]
}

export interface ResetDomains {
  /** A function level reset: the function, and for a physical function its virtual functions, which it destroys. */
  readonly function: ResetDomain
  /** undefined: in no slot, or the slot cannot be reset. */
  readonly slot: ResetDomain | undefined
  /** undefined: on a root bus or a virtual bus, or something on the bus forbids it. */
  readonly bus: ResetDomain | undefined
  /** What VFIO's hot reset hits: the slot if it can be reset, else the bus; undefined when neither can. */
  readonly hot: ResetDomain | undefined
}

export interface ResetDomainOptions {
  /** The newest known when left out. Older kernels count fewer functions to a slot of pciehp. */
  readonly kernel?: KernelName
}

/**
 * @throws RangeError when the topology has no such function.
 *
 * @example
 * import { Bdf, resetDomain, yamlReader } from '@vfiokit/topology'
 * const topology = yamlReader.read(`
 * vfiokit: topology/1
 * functions:
 *   - {bdf: '00:01.0', id: '1b36:000c', class: '060400', bridge: {secondary: 1, subordinate: 1}}
 *   - {bdf: '01:00.0', id: '10de:2684'}
 *   - {bdf: '01:00.1', id: '10de:22ba'}
 * `, {})
 * console.log(resetDomain(topology, Bdf.parse('01:00.0')).hot?.functions.join(' ')) // => 0000:01:00.0 0000:01:00.1
 */
export function resetDomain(topology: Topology, bdf: Bdf, options: ResetDomainOptions = {}): ResetDomains {
  const fn = topology.function(bdf)
  if (fn === undefined) throw new RangeError(`${bdf} is not in the topology`)
  const slot = slotReach(topology, fn, KERNEL_PROFILES[options.kernel ?? DEFAULT_KERNEL])
  const bus = busReach(topology, fn)
  return {
    function: functionDomain(topology, fn),
    slot: slot.domain,
    bus: bus.domain,
    hot: slot.hot ?? bus.hot,
  }
}

function domain(scope: ResetDomain['scope'], functions: readonly PciFunction[]): ResetDomain {
  return Object.freeze({ scope, functions: Object.freeze(functions.map((fn) => fn.bdf)) })
}

function functionDomain(topology: Topology, fn: PciFunction): ResetDomain {
  return domain('function', [fn, ...topology.virtualFunctions(fn.bdf)])
}

function allows(topology: Topology, bridge: Bdf, hit: readonly PciFunction[]): boolean {
  const fn = topology.function(bridge)
  return fn !== undefined && !forbidsBusReset(fn) && !hit.some(forbidsBusReset)
}

interface Reach {
  readonly domain: ResetDomain | undefined
  /** As VFIO reports it. */
  readonly hot: ResetDomain | undefined
}

const NO_REACH: Reach = { domain: undefined, hot: undefined }

/** What is known of a topology already: functions that are reset together share one answer. */
class KnownReaches {
  static readonly #all = new WeakMap<Topology, KnownReaches>()
  readonly buses = new Map<Bus, Reach>()
  readonly slots = new Map<KernelProfile, Map<Slot, Reach>>()

  static of(topology: Topology): KnownReaches {
    let known = KnownReaches.#all.get(topology)
    if (known === undefined) {
      known = new KnownReaches()
      KnownReaches.#all.set(topology, known)
    }
    return known
  }
}

function remembered<K>(known: Map<K, Reach>, place: K, find: () => Reach): Reach {
  const earlier = known.get(place)
  if (earlier !== undefined) return earlier
  const found = find()
  known.set(place, found)
  return found
}

function busReach(topology: Topology, fn: PciFunction): Reach {
  const parts = Bdf.parts(fn.bdf)
  const bus = topology.bus(parts.domain, parts.bus)
  const bridge = bus?.bridge
  if (bus === undefined || bridge === undefined) return NO_REACH
  return remembered(KnownReaches.of(topology).buses, bus, () => {
    const hit = topology.functionsBelow(bridge)
    return allows(topology, bridge, hit) ? reach(topology, domain('bus', hit)) : NO_REACH
  })
}

function slotReach(topology: Topology, fn: PciFunction, profile: KernelProfile): Reach {
  const slot = fn.slot === undefined ? undefined : topology.slot(fn.slot)
  const bridge = slot === undefined ? undefined : topology.bus(slot.domain, slot.bus)?.bridge
  if (slot === undefined || bridge === undefined || !slot.resettable) return NO_REACH
  if (!slotHolds(slot, fn.bdf, profile)) return NO_REACH
  const known = KnownReaches.of(topology).slots
  const ofKernel = known.get(profile) ?? new Map<Slot, Reach>()
  known.set(profile, ofKernel)
  return remembered(ofKernel, slot, () => {
    const members = slot.functions.filter((member) => slotHolds(slot, member.bdf, profile))
    const hit = members.flatMap((member) => [member, ...topology.functionsBelow(member.bdf)])
    hit.sort((a, b) => Bdf.compare(a.bdf, b.bdf))
    return allows(topology, bridge, hit) ? reach(topology, domain('slot', hit)) : NO_REACH
  })
}

function reach(topology: Topology, whole: ResetDomain): Reach {
  return { domain: whole, hot: hotDomain(topology, whole) }
}

/** VFIO walks buses that bridges lead to, so it does not see virtual functions on buses of their own. */
function hotDomain(topology: Topology, reset: ResetDomain): ResetDomain {
  const seen = reset.functions.filter((bdf) => {
    const parts = Bdf.parts(bdf)
    return topology.bus(parts.domain, parts.bus)?.kind !== 'virtual'
  })
  if (seen.length === reset.functions.length) return reset
  return Object.freeze({ scope: reset.scope, functions: Object.freeze(seen) })
}
