/**
 * TopologyBuilder: collects what a source knows, in any order, and ends in an immutable {@link Topology}.
 *
 * Contradictions never throw: each becomes a fault of the topology, and every function that was added is in it.
 */
import type { Bdf } from './bdf.ts'
import type { Bridge } from './bridge.ts'
import type { Bus } from './bus.ts'
import { type BusDraft, buildBusTree } from './bus-tree.ts'
import type { Diagnostic } from './diagnostic.ts'
import { draftFunction, type FunctionDraft, finishFunction } from './function-draft.ts'
import type { FunctionInput, PciFunction } from './pci-function.ts'
import type { SlotInput } from './slot.ts'
import { finishSlot, placeSlots, slotNames } from './slot-map.ts'
import { IndexedTopology, type Topology } from './topology.ts'
import { adoptVirtualFunctions } from './virtual-adoption.ts'

/** Where something is in a source. */
export type Place = Pick<Diagnostic, 'file' | 'line' | 'column'>

/**
 * @example
 * import { Bdf, TopologyBuilder } from '@vfiokit/topology'
 * const port = { bdf: Bdf.parse('00:01.0'), vendorId: 0x8086, deviceId: 1, classCode: 0x060400 }
 * const topology = new TopologyBuilder()
 *   .addFunction({ ...port, busNumbers: { primary: 0, secondary: 1, subordinate: 1 } })
 *   .addFunction({ bdf: Bdf.parse('01:00.0'), vendorId: 0x1b36, deviceId: 0x10, classCode: 0x010802 })
 *   .finish()
 * console.log(topology.function(Bdf.parse('01:00.0'))?.parent) // => 0000:00:01.0
 */
export class TopologyBuilder {
  readonly #functions: FunctionInput[] = []
  readonly #slots: SlotInput[] = []
  readonly #faults: Diagnostic[] = []
  readonly #placeOf: (bdf: Bdf | undefined) => Place
  #finished = false

  /** @param placeOf where the source speaks of a function; faults that are found here carry it. */
  constructor(placeOf: (bdf: Bdf | undefined) => Place = () => ({})) {
    this.#placeOf = placeOf
  }

  /** @throws RangeError for an id or a class that does not fit its register. */
  addFunction(input: FunctionInput): this {
    this.#requireOpen()
    requireRanges(input)
    this.#functions.push(input)
    return this
  }

  addSlot(input: SlotInput): this {
    this.#requireOpen()
    this.#slots.push(input)
    return this
  }

  /** A defect that the reader itself found; it stands before those found here. */
  addFault(fault: Diagnostic): this {
    this.#requireOpen()
    this.#faults.push(fault)
    return this
  }

  /** @throws TypeError when called twice. */
  finish(): Topology {
    this.#requireOpen()
    this.#finished = true
    const faults = [...this.#faults]
    const report = (fault: Diagnostic): void => {
      faults.push({ ...fault, ...this.#placeOf(fault.bdf) })
    }
    const drafts = this.#drafts(report)
    const buses = buildBuses(drafts, report)
    const placed = placeSlots(
      this.#slots,
      (domain, number) => buses.get(domain)?.find((bus) => bus.number === number),
      report,
    )
    const names = slotNames(placed)
    const functions = drafts.map((draft) => finishFunction(draft, names.get(draft)))
    const byBdf = new Map(functions.map((fn) => [fn.bdf, fn]))
    const functionOf = (bdf: Bdf): PciFunction => byBdf.get(bdf)!
    return new IndexedTopology({
      functions,
      buses: [...buses].flatMap(([domain, list]) => list.map((bus) => finishBus(domain, bus, functionOf))),
      slots: placed.map((slot) => finishSlot(slot, functionOf)),
      bridges: drafts.flatMap(finishBridge),
      faults,
    })
  }

  /** One draft per address, in address order. */
  #drafts(report: (fault: Diagnostic) => void): readonly FunctionDraft[] {
    const inputs = new Map<Bdf, FunctionInput>()
    for (const input of this.#functions) {
      const earlier = inputs.get(input.bdf)
      if (earlier === undefined) {
        inputs.set(input.bdf, input)
        continue
      }
      const message = `${input.bdf}: given twice: the one with more configuration bytes is kept`
      report({ severity: 'warning', code: 'duplicate-function', message, bdf: input.bdf })
      if (knownBytes(input) > knownBytes(earlier)) inputs.set(input.bdf, input)
    }
    const drafts = [...inputs.values()]
      .map((input) => draftFunction(input, report))
      .sort((a, b) => a.parts.domain - b.parts.domain || a.routingId - b.routingId)
    return adoptVirtualFunctions(drafts, report)
  }

  #requireOpen(): void {
    if (this.#finished) throw new TypeError('the topology is finished: start a new TopologyBuilder')
  }
}

const LIMITS = { vendorId: 0xffff, deviceId: 0xffff, classCode: 0xffffff, revision: 0xff } as const

function requireRanges(input: FunctionInput): void {
  for (const name of ['vendorId', 'deviceId', 'classCode', 'revision'] as const) {
    const value = input[name]
    if (value !== undefined && !(Number.isInteger(value) && value >= 0 && value <= LIMITS[name])) {
      throw new RangeError(`${input.bdf}: ${name} ${value} is not an integer from 0 to ${LIMITS[name]}`)
    }
  }
}

function knownBytes(input: FunctionInput): number {
  return input.config?.sizeBytes ?? 0
}

/** The buses of each domain, in order. */
function buildBuses(
  drafts: readonly FunctionDraft[],
  report: (fault: Diagnostic) => void,
): ReadonlyMap<number, readonly BusDraft[]> {
  const domains = new Map<number, FunctionDraft[]>()
  const byBdf = new Map<string, FunctionDraft>()
  for (const draft of drafts) {
    byBdf.set(draft.input.bdf, draft)
    const domain = domains.get(draft.parts.domain)
    if (domain === undefined) domains.set(draft.parts.domain, [draft])
    else domain.push(draft)
  }
  return new Map([...domains].map(([domain, members]) => [domain, buildBusTree(members, byBdf, report)]))
}

function finishBus(domain: number, bus: BusDraft, functionOf: (bdf: Bdf) => PciFunction): Bus {
  return Object.freeze({
    domain,
    number: bus.number,
    kind: bus.kind,
    bridge: bus.bridge?.input.bdf,
    parent: bus.parent?.input.bdf,
    functions: Object.freeze(bus.functions.map((draft) => functionOf(draft.input.bdf))),
  })
}

function finishBridge(draft: FunctionDraft): readonly Bridge[] {
  if (draft.headerType === 0) return []
  const { primary, secondary, subordinate } = draft.busNumbers ?? { primary: 0, secondary: 0, subordinate: 0 }
  return [Object.freeze({ bdf: draft.input.bdf, primary, secondary, subordinate, windows: draft.windows })]
}
