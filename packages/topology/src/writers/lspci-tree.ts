/**
 * Writes the tree that `lspci -t` prints. The same lines for the same machine, but for one defect of lspci: a
 * bridge whose secondary bus is its own hides functions there; here nothing is hidden.
 */
import { Bdf } from '../bdf.ts'
import type { Bus } from '../bus.ts'
import type { PciFunction } from '../pci-function.ts'
import type { Topology } from '../topology.ts'

export interface LspciTreeOptions {
  /** Printed behind each function that has nothing below it, as `-v` does with names. */
  readonly describe?: (fn: PciFunction) => string
}

/** lspci's own limit for a line. */
const LINE_MAX = 1023

/**
 * @example
 * import { Bdf, TopologyBuilder, writeLspciTree } from '@vfiokit/topology'
 * const busNumbers = { primary: 0, secondary: 1, subordinate: 1 }
 * const topology = new TopologyBuilder()
 *   .addFunction({ bdf: Bdf.parse('00:01.0'), vendorId: 1, deviceId: 2, classCode: 0x060400, busNumbers })
 *   .addFunction({ bdf: Bdf.parse('01:00.0'), vendorId: 1, deviceId: 3 })
 *   .finish()
 * console.log(writeLspciTree(topology).trimEnd()) // => -[0000:00]---01.0-[01]----00.0
 */
export function writeLspciTree(topology: Topology, options: LspciTreeOptions = {}): string {
  return new TreeWriting(topology, options).write()
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

function busName(bus: Bus): string {
  return `[${hex(bus.domain, 4)}:${hex(bus.number, 2)}]-`
}

class TreeWriting {
  readonly #topology: Topology
  readonly #options: LspciTreeOptions
  readonly #below: ReadonlyMap<Bdf, readonly Bus[]>
  readonly #lines: string[] = []
  /** Contradictory data can make a ring of buses: each is written once. */
  readonly #written = new Set<Bus>()
  /** The line being built; after it is printed, what continues below is bars and the rest is blank. */
  #line = ''

  constructor(topology: Topology, options: LspciTreeOptions) {
    this.#topology = topology
    this.#options = options
    this.#below = busesBelow(topology)
  }

  write(): string {
    const roots = rootBuses(this.#topology, this.#below)
    if (roots.length === 0) return ''
    this.#put(0, '-')
    for (const root of roots) this.#written.add(root)
    if (roots.length === 1) {
      this.#put(1, busName(roots[0]!))
      this.#bus(roots[0]!, this.#line.length)
    } else {
      this.#branches(roots, 1)
    }
    return `${this.#lines.join('\n')}\n`
  }

  #put(at: number, text: string): number {
    this.#line = this.#line.slice(0, at) + text
    return this.#line.length
  }

  /** Several buses at one place. */
  #branches(buses: readonly Bus[], at: number): void {
    buses.forEach((bus, index) => {
      const end = this.#put(at, `${index === buses.length - 1 ? '\\' : '+'}-${busName(bus)}`)
      this.#bus(bus, end)
    })
  }

  #bus(bus: Bus, at: number): void {
    this.#written.add(bus)
    const { functions } = bus
    if (functions.length === 0) {
      this.#print(at)
    } else if (functions.length === 1) {
      this.#function(functions[0]!, this.#put(at, '--'))
    } else {
      functions.forEach((fn, index) => {
        this.#function(fn, this.#put(at, index === functions.length - 1 ? '\\-' : '+-'))
      })
    }
  }

  #function(fn: PciFunction, at: number): void {
    const parts = Bdf.parts(fn.bdf)
    const end = this.#put(at, `${hex(parts.device, 2)}.${parts.function}`)
    const bridge = this.#topology.bridge(fn.bdf)
    if (bridge === undefined) {
      const description = this.#options.describe?.(fn)
      this.#print(description === undefined ? end : this.#put(end, `  ${description}`))
      return
    }
    const { secondary, subordinate } = bridge
    const range =
      secondary === subordinate ? hex(secondary, 2) : `${hex(secondary, 2)}-${hex(subordinate, 2)}`
    const inside = this.#put(end, secondary === 0 ? '--' : `-[${range}]--`)
    const buses = (this.#below.get(fn.bdf) ?? []).filter((bus) => !this.#written.has(bus))
    const [only] = buses
    if (only === undefined) this.#print(inside)
    else if (buses.length === 1 && only.number === secondary) this.#bus(only, inside)
    else this.#branches(buses, inside)
  }

  #print(end: number): void {
    const line = this.#line.slice(0, end)
    this.#lines.push(line.length > LINE_MAX ? `${line.slice(0, LINE_MAX)}...` : line)
    this.#line = line.replace(/[^+|]/g, ' ').replaceAll('+', '|')
  }
}

function busesBelow(topology: Topology): ReadonlyMap<Bdf, readonly Bus[]> {
  const below = new Map<Bdf, Bus[]>()
  for (const bus of topology.buses) {
    if (bus.parent === undefined) continue
    const buses = below.get(bus.parent)
    if (buses === undefined) below.set(bus.parent, [bus])
    else buses.push(bus)
  }
  return below
}

/** The buses without a bridge above, and one of each ring of buses that contradictory data may have made. */
function rootBuses(topology: Topology, below: ReadonlyMap<Bdf, readonly Bus[]>): readonly Bus[] {
  const reached = new Set<Bus>()
  const reach = (start: Bus): void => {
    const open = [start]
    for (let bus = open.pop(); bus !== undefined; bus = open.pop()) {
      if (reached.has(bus)) continue
      reached.add(bus)
      for (const fn of bus.functions) open.push(...(below.get(fn.bdf) ?? []))
    }
  }
  const roots = topology.buses.filter((bus) => bus.parent === undefined)
  for (const root of roots) reach(root)
  const extra = topology.buses.filter((bus) => {
    const isRoot = !reached.has(bus)
    if (isRoot) reach(bus)
    return isRoot
  })
  return extra.length === 0
    ? roots
    : topology.buses.filter((bus) => roots.includes(bus) || extra.includes(bus))
}
