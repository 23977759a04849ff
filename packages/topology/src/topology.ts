/** Topology: all functions, buses, slots and bridges of one machine at one moment. Immutable. */
import type { Bdf } from './bdf.ts'
import type { Bridge } from './bridge.ts'
import type { Bus } from './bus.ts'
import type { Diagnostic } from './diagnostic.ts'
import type { PciFunction } from './pci-function.ts'
import type { Slot } from './slot.ts'

export interface Topology {
  /** In BDF order. */
  readonly functions: readonly PciFunction[]
  /** By domain and number. */
  readonly buses: readonly Bus[]
  readonly slots: readonly Slot[]
  /** In BDF order. */
  readonly bridges: readonly Bridge[]
  /** What is wrong with the data, each with what was assumed instead. */
  readonly faults: readonly Diagnostic[]
  function(bdf: Bdf): PciFunction | undefined
  bus(domain: number, number: number): Bus | undefined
  slot(name: string): Slot | undefined
  bridge(bdf: Bdf): Bridge | undefined
  /** The functions right below a bridge, on its bus and on the virtual buses in its range, in BDF order. */
  children(bridge: Bdf): readonly PciFunction[]
  /** Everything below a bridge, all the way down, in BDF order; empty for what is not a bridge. */
  functionsBelow(bridge: Bdf): readonly PciFunction[]
  /** The virtual functions of a physical function that are in the topology, in BDF order. */
  virtualFunctions(physical: Bdf): readonly PciFunction[]
}

/** Parts of a topology, already in order. */
export interface TopologyParts {
  readonly functions: readonly PciFunction[]
  readonly buses: readonly Bus[]
  readonly slots: readonly Slot[]
  readonly bridges: readonly Bridge[]
  readonly faults: readonly Diagnostic[]
}

const NONE: readonly PciFunction[] = Object.freeze([])

/** The topology that the builder makes; every look-up is one map access. */
export class IndexedTopology implements Topology {
  readonly functions: readonly PciFunction[]
  readonly buses: readonly Bus[]
  readonly slots: readonly Slot[]
  readonly bridges: readonly Bridge[]
  readonly faults: readonly Diagnostic[]
  readonly #functions: ReadonlyMap<Bdf, PciFunction>
  readonly #buses: ReadonlyMap<number, Bus>
  readonly #slots: ReadonlyMap<string, Slot>
  readonly #bridges: ReadonlyMap<Bdf, Bridge>
  readonly #children: ReadonlyMap<Bdf, readonly PciFunction[]>
  readonly #virtual: ReadonlyMap<Bdf, readonly PciFunction[]>
  /** Place of each function in BDF order, for sorting what was collected by walking. */
  readonly #order: ReadonlyMap<PciFunction, number>

  constructor(parts: TopologyParts) {
    this.functions = Object.freeze(parts.functions)
    this.buses = Object.freeze(parts.buses)
    this.slots = Object.freeze(parts.slots)
    this.bridges = Object.freeze(parts.bridges)
    this.faults = Object.freeze(parts.faults.map((fault) => Object.freeze(fault)))
    this.#functions = new Map(parts.functions.map((fn) => [fn.bdf, fn]))
    this.#buses = new Map(parts.buses.map((bus) => [busKey(bus.domain, bus.number), bus]))
    this.#slots = new Map(parts.slots.map((slot) => [slot.name, slot]))
    this.#bridges = new Map(parts.bridges.map((bridge) => [bridge.bdf, bridge]))
    this.#children = groupBy(parts.functions, (fn) => fn.parent)
    this.#virtual = groupBy(parts.functions, (fn) => fn.physfn)
    this.#order = new Map(parts.functions.map((fn, index) => [fn, index]))
    Object.freeze(this)
  }

  function(bdf: Bdf): PciFunction | undefined {
    return this.#functions.get(bdf)
  }

  bus(domain: number, number: number): Bus | undefined {
    return this.#buses.get(busKey(domain, number))
  }

  slot(name: string): Slot | undefined {
    return this.#slots.get(name)
  }

  bridge(bdf: Bdf): Bridge | undefined {
    return this.#bridges.get(bdf)
  }

  children(bridge: Bdf): readonly PciFunction[] {
    return this.#children.get(bridge) ?? NONE
  }

  virtualFunctions(physical: Bdf): readonly PciFunction[] {
    return this.#virtual.get(physical) ?? NONE
  }

  functionsBelow(bridge: Bdf): readonly PciFunction[] {
    const below: PciFunction[] = [...this.children(bridge)]
    for (let index = 0; index < below.length; index += 1) {
      for (const child of this.children(below[index]!.bdf)) below.push(child)
    }
    const places = Uint32Array.from(below, (fn) => this.#order.get(fn)!).sort()
    return Array.from(places, (place) => this.functions[place]!)
  }
}

function busKey(domain: number, number: number): number {
  return domain * 256 + number
}

function groupBy(
  functions: readonly PciFunction[],
  keyOf: (fn: PciFunction) => Bdf | undefined,
): Map<Bdf, PciFunction[]> {
  const groups = new Map<Bdf, PciFunction[]>()
  for (const fn of functions) {
    const key = keyOf(fn)
    if (key === undefined) continue
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [fn])
    else group.push(fn)
  }
  return groups
}
