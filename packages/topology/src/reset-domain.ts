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
import type { PciFunction } from './pci-function.ts'
import { forbidsBusReset } from './quirks/no-bus-reset.ts'
import type { Slot } from './slot.ts'
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

/** @throws RangeError when the topology has no such function. */
export function resetDomain(topology: Topology, bdf: Bdf): ResetDomains {
  const fn = topology.function(bdf)
  if (fn === undefined) throw new RangeError(`${bdf} is not in the topology`)
  const slot = slotReach(topology, fn)
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

/** Buses and slots by topology: functions that are reset together share one answer. */
const KNOWN = new WeakMap<Topology, Map<Bus | Slot, Reach>>()

interface Reach {
  readonly domain: ResetDomain | undefined
  /** As VFIO reports it. */
  readonly hot: ResetDomain | undefined
}

const NO_REACH: Reach = { domain: undefined, hot: undefined }

function reachOf(topology: Topology, place: Bus | Slot | undefined, find: () => Reach): Reach {
  if (place === undefined) return NO_REACH
  let known = KNOWN.get(topology)
  if (known === undefined) {
    known = new Map()
    KNOWN.set(topology, known)
  }
  const earlier = known.get(place)
  if (earlier !== undefined) return earlier
  const reach = find()
  known.set(place, reach)
  return reach
}

function busReach(topology: Topology, fn: PciFunction): Reach {
  const parts = Bdf.parts(fn.bdf)
  const bus = topology.bus(parts.domain, parts.bus)
  return reachOf(topology, bus, () => {
    const bridge = bus?.bridge
    if (bridge === undefined) return NO_REACH
    const hit = topology.functionsBelow(bridge)
    return allows(topology, bridge, hit) ? reach(topology, domain('bus', hit)) : NO_REACH
  })
}

function slotReach(topology: Topology, fn: PciFunction): Reach {
  const slot = fn.slot === undefined ? undefined : topology.slot(fn.slot)
  return reachOf(topology, slot, () => {
    const bridge = slot === undefined ? undefined : topology.bus(slot.domain, slot.bus)?.bridge
    if (slot === undefined || bridge === undefined || !slot.resettable) return NO_REACH
    const hit = slot.functions.flatMap((member) => [member, ...topology.functionsBelow(member.bdf)])
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
