/**
 * MachineDraft: a machine while it is edited: inputs of functions with the relations that edits ask for, kept up to
 * date one function at a time, so that thousands of edits cost no more than they change. Internal to what-if.
 */
import { Bdf } from '../bdf.ts'
import { draftFunction } from '../function-draft.ts'
import { functionInputOf, slotInputsOf } from '../function-input.ts'
import type { FunctionInput, PciFunction } from '../pci-function.ts'
import { isDownstreamPort } from '../pcie.ts'
import type { SlotInput } from '../slot.ts'
import type { Topology } from '../topology.ts'

/** What is decoded of a function and does not change when it moves. */
type Decoded = Pick<
  PciFunction,
  | 'vendorId'
  | 'deviceId'
  | 'classCode'
  | 'revision'
  | 'subsystem'
  | 'headerType'
  | 'config'
  | 'capabilities'
  | 'capabilitiesKnown'
  | 'pcie'
>

export interface Part {
  readonly input: FunctionInput
  readonly decoded: Decoded
  /** The bridge above; undefined on a root bus. */
  readonly parent: Bdf | undefined
  /** A virtual function that an edit made: ids and BARs are the builder's to find, in the physical function. */
  readonly isNewVirtual?: true
}

export class MachineDraft {
  readonly #parts = new Map<Bdf, Part>()
  readonly #children = new Map<Bdf, Set<Bdf>>()
  readonly #virtual = new Map<Bdf, Set<Bdf>>()
  readonly #buses = new Map<number, Set<Bdf>>()
  /** The bridge whose secondary bus it is. */
  readonly #bridges = new Map<number, Bdf>()
  readonly #slots: Map<string, SlotInput>

  constructor(topology: Topology) {
    this.#slots = new Map(slotInputsOf(topology).map((slot) => [slot.name, slot]))
    for (const fn of topology.functions) {
      this.put({ input: functionInputOf(topology, fn), decoded: fn, parent: fn.parent })
    }
    for (const bus of topology.buses) {
      if (bus.bridge !== undefined) this.#bridges.set(busKey(bus.domain, bus.number), bus.bridge)
    }
  }

  get slots(): Iterable<SlotInput> {
    return this.#slots.values()
  }

  get(bdf: Bdf): Part | undefined {
    return this.#parts.get(bdf)
  }

  slot(name: string): SlotInput | undefined {
    return this.#slots.get(name)
  }

  /** Without virtual functions unless they are asked for. In no particular order. */
  onBus(domain: number, bus: number, which: 'physical' | 'all' = 'all'): readonly Bdf[] {
    const all = [...(this.#buses.get(busKey(domain, bus)) ?? [])]
    return which === 'all' ? all : all.filter((bdf) => this.get(bdf)?.input.physfn === undefined)
  }

  bridgeOf(domain: number, bus: number): Bdf | undefined {
    return this.#bridges.get(busKey(domain, bus))
  }

  children(bridge: Bdf): Iterable<Bdf> {
    return this.#children.get(bridge) ?? []
  }

  virtualFunctions(physical: Bdf): readonly Bdf[] {
    return [...(this.#virtual.get(physical) ?? [])].sort(Bdf.compare)
  }

  /** The bridge's secondary bus is a link: it has one card, at device 0. */
  isLink(bridge: Bdf | undefined): boolean {
    return bridge !== undefined && isDownstreamPort(this.get(bridge)?.decoded.pcie?.type)
  }

  /** What a slot holds, as the builder places it: its device, or the whole bus. */
  inSlot(slot: SlotInput): readonly Bdf[] {
    const members = this.onBus(slot.domain, slot.bus, 'physical')
    if (this.slotHoldsBus(slot)) return members
    return members.filter((bdf) => Bdf.parts(bdf).device === slot.device)
  }

  slotHoldsBus(slot: SlotInput): boolean {
    return slot.device === undefined || slot.driver === 'pciehp'
  }

  /** These functions, their virtual functions, and all that is below. */
  withBelow(tops: readonly Bdf[]): ReadonlySet<Bdf> {
    const all = new Set<Bdf>(tops)
    // A set that grows while it is walked is walked to its new end.
    for (const bdf of all) {
      for (const child of this.children(bdf)) all.add(child)
      for (const virtual of this.#virtual.get(bdf) ?? []) all.add(virtual)
    }
    return all
  }

  put(part: Part): void {
    const { bdf, physfn, busNumbers } = part.input
    const { domain, bus } = Bdf.parts(bdf)
    this.delete(bdf)
    this.#parts.set(bdf, part)
    add(this.#buses, busKey(domain, bus), bdf)
    if (part.parent !== undefined) add(this.#children, part.parent, bdf)
    if (physfn !== undefined) add(this.#virtual, physfn, bdf)
    if (part.decoded.headerType === 0 || busNumbers === undefined || busNumbers.secondary <= bus) return
    const secondary = busKey(domain, busNumbers.secondary)
    if (!this.#bridges.has(secondary)) this.#bridges.set(secondary, bdf)
  }

  delete(bdf: Bdf): void {
    const part = this.#parts.get(bdf)
    if (part === undefined) return
    const { domain, bus } = Bdf.parts(bdf)
    this.#parts.delete(bdf)
    this.#buses.get(busKey(domain, bus))?.delete(bdf)
    if (part.parent !== undefined) this.#children.get(part.parent)?.delete(bdf)
    if (part.input.physfn !== undefined) this.#virtual.get(part.input.physfn)?.delete(bdf)
    const { secondary } = part.input.busNumbers ?? { secondary: 0 }
    if (this.bridgeOf(domain, secondary) === bdf) this.#bridges.delete(busKey(domain, secondary))
  }

  putSlot(slot: SlotInput): void {
    this.#slots.set(slot.name, slot)
  }

  deleteSlot(name: string): void {
    this.#slots.delete(name)
  }

  /** A function that no topology has decoded yet. */
  add(input: FunctionInput): void {
    const draft = draftFunction(input, () => {})
    const { busNumbers } = draft
    const parent = input.parent === undefined ? this.#parentOn(input.bdf) : (input.parent ?? undefined)
    this.put({ input: { ...input, busNumbers, parent: parent ?? null }, decoded: draft, parent })
    if (busNumbers !== undefined && draft.headerType !== 0) this.#adopt(input.bdf, busNumbers.secondary)
  }

  /** A virtual function: what its own registers do not say is found when the topology is built. */
  addVirtual(input: FunctionInput): void {
    this.add(input)
    this.#parts.set(input.bdf, { ...this.get(input.bdf)!, isNewVirtual: true })
  }

  /** For the builder, every function. */
  *inputs(): Iterable<FunctionInput> {
    for (const { input, isNewVirtual } of this.#parts.values()) {
      yield isNewVirtual ? { ...input, physfn: undefined, vendorId: undefined, deviceId: undefined } : input
    }
  }

  /** What the kernel recorded of functions, where an edit may have changed it. */
  forget(bdfs: Iterable<Bdf>, what: 'iommuGroup' | 'resetMethods'): void {
    for (const bdf of bdfs) {
      const part = this.get(bdf)
      if (part?.input[what] === undefined) continue
      this.#parts.set(bdf, { ...part, input: { ...part.input, [what]: undefined } })
    }
  }

  replace(bdf: Bdf, change: Partial<FunctionInput>): void {
    const part = this.get(bdf)
    if (part === undefined) return
    const decoded = change.config === undefined ? part.decoded : { ...part.decoded, config: change.config }
    this.#parts.set(bdf, { ...part, decoded, input: { ...part.input, ...change } })
  }

  /** The bridge whose bus it is, else the one above the others of the bus. */
  #parentOn(bdf: Bdf): Bdf | undefined {
    const { domain, bus } = Bdf.parts(bdf)
    const owner = this.bridgeOf(domain, bus)
    const [neighbour] = this.onBus(domain, bus)
    return owner ?? (neighbour === undefined ? undefined : this.get(neighbour)?.parent)
  }

  /** Functions that were on a bus that nobody led to are below the bridge that now does. */
  #adopt(bridge: Bdf, secondary: number): void {
    const { domain } = Bdf.parts(bridge)
    if (this.bridgeOf(domain, secondary) !== bridge) return
    for (const bdf of this.onBus(domain, secondary)) {
      const part = this.get(bdf)!
      if (part.parent === undefined)
        this.put({ ...part, parent: bridge, input: { ...part.input, parent: bridge } })
    }
  }
}

/** A bus of a domain as one number. */
function busKey(domain: number, bus: number): number {
  return domain * 256 + bus
}

function add<K>(map: Map<K, Set<Bdf>>, key: K, bdf: Bdf): void {
  const set = map.get(key)
  if (set === undefined) map.set(key, new Set([bdf]))
  else set.add(bdf)
}
