/** TopologyDiff: what differs between two machines, or two moments of one. */
import type { Bdf } from '../bdf.ts'
import type { Bus } from '../bus.ts'
import type { Diagnostic } from '../diagnostic.ts'
import type { PciFunction } from '../pci-function.ts'
import type { Slot } from '../slot.ts'
import type { Topology } from '../topology.ts'
import { type FieldChange, type Fields, fieldChanges } from './field-change.ts'
import { FunctionComparison } from './function-comparison.ts'
import { type GroupChange, GroupComparison } from './group-comparison.ts'

export interface DiffOptions {
  /** `recorded` (the default): the groups that the kernel formed. Else those predicted, with ACS as said. */
  readonly groups?: 'recorded' | 'as-found' | 'as-linux-enables'
  /**
   * `registers` (the default): registers that are known by name, without those that change by themselves. `bytes`:
   * also every byte of configuration space that differs.
   */
  readonly config?: 'registers' | 'bytes'
}

export interface FunctionSummary {
  readonly bdf: Bdf
  /** Hexadecimal, `vvvv:dddd`. */
  readonly id: string
  /** Six hexadecimal digits. */
  readonly class: string
}

export interface FunctionChange {
  readonly bdf: Bdf
  readonly changes: readonly FieldChange[]
}

export interface NamedChange {
  readonly name: string
  readonly changes: readonly FieldChange[]
}

/** Slots by name, buses as `dddd:bb`; each list in order. */
export interface NamedDiff {
  readonly gone: readonly string[]
  readonly new: readonly string[]
  readonly changed: readonly NamedChange[]
}

/** Plain data: it can be written as JSON. */
export interface TopologyDiff {
  readonly isEmpty: boolean
  /** By address, in BDF order: a card that was moved is gone from one place and new in another. */
  readonly functions: {
    readonly gone: readonly FunctionSummary[]
    readonly new: readonly FunctionSummary[]
    readonly changed: readonly FunctionChange[]
  }
  readonly groups: readonly GroupChange[]
  readonly slots: NamedDiff
  readonly buses: NamedDiff
  /** Where a fault was found (file, line) does not count. */
  readonly faults: { readonly gone: readonly Diagnostic[]; readonly new: readonly Diagnostic[] }
}

/**
 * In time linear in what the two topologies hold.
 *
 * @example
 * import { Bdf, diffTopologies, edit, formatDiff, yamlReader } from '@vfiokit/topology'
 * const before = yamlReader.read(`
 * vfiokit: topology/1
 * functions:
 *   - {bdf: '00:02.0', id: '10de:2684', class: '030000', driver: nouveau}
 * `, {})
 * const after = edit(before).setDriver(Bdf.parse('00:02.0'), 'vfio-pci').finish().topology
 * console.log(formatDiff(diffTopologies(before, after)).trimEnd()) // => ~ function 0000:00:02.0 driver: nouveau -> vfio-pci
 */
export function diffTopologies(before: Topology, after: Topology, options: DiffOptions = {}): TopologyDiff {
  const groups = new GroupComparison(before, after, options.groups ?? 'recorded')
  const compared = new FunctionComparison(before, after, groups, options.config ?? 'registers')
  const functions = {
    gone: before.functions.filter((fn) => after.function(fn.bdf) === undefined).map(summaryOf),
    new: after.functions.filter((fn) => before.function(fn.bdf) === undefined).map(summaryOf),
    changed: before.functions.flatMap((fn): readonly FunctionChange[] => {
      const now = after.function(fn.bdf)
      const changes = now === undefined ? [] : compared.changes(fn, now)
      return changes.length === 0 ? [] : [{ bdf: fn.bdf, changes }]
    }),
  }
  const parts = {
    functions,
    groups: groups.changes(),
    slots: diffNamed(slotFields(before.slots), slotFields(after.slots)),
    buses: diffNamed(busFields(before.buses), busFields(after.buses)),
    faults: { gone: missingFaults(before, after), new: missingFaults(after, before) },
  }
  const lists = [functions, parts.slots, parts.buses, parts.faults].flatMap((part) => Object.values(part))
  const isEmpty = parts.groups.length === 0 && lists.every((list: readonly unknown[]) => list.length === 0)
  return { isEmpty, ...parts }
}

function summaryOf({ bdf, vendorId, deviceId, classCode }: PciFunction): FunctionSummary {
  return { bdf, id: `${hex(vendorId, 4)}:${hex(deviceId, 4)}`, class: hex(classCode, 6) }
}

function slotFields(slots: readonly Slot[]): ReadonlyMap<string, Fields> {
  return new Map(
    slots.map((slot) => {
      const device = slot.device === undefined ? '' : `:${hex(slot.device, 2)}`
      const address = `${hex(slot.domain, 4)}:${hex(slot.bus, 2)}${device}`
      const functions = slot.functions.map((fn) => fn.bdf)
      return [slot.name, { address, driver: slot.driver, functions }]
    }),
  )
}

function busFields(buses: readonly Bus[]): ReadonlyMap<string, Fields> {
  return new Map(
    buses.map(({ domain, number, kind, bridge, parent }) => {
      return [`${hex(domain, 4)}:${hex(number, 2)}`, { kind, bridge, parent }]
    }),
  )
}

function diffNamed(before: ReadonlyMap<string, Fields>, after: ReadonlyMap<string, Fields>): NamedDiff {
  return {
    gone: [...before.keys()].filter((name) => !after.has(name)),
    new: [...after.keys()].filter((name) => !before.has(name)),
    changed: [...before].flatMap(([name, fields]) => {
      const now = after.get(name)
      const changes = now === undefined ? [] : fieldChanges(fields, now)
      return changes.length === 0 ? [] : [{ name, changes }]
    }),
  }
}

/** Faults of one that the other does not have as often. */
function missingFaults(of: Topology, from: Topology): readonly Diagnostic[] {
  const counts = new Map<string, number>()
  for (const fault of from.faults) counts.set(faultKey(fault), (counts.get(faultKey(fault)) ?? 0) + 1)
  return of.faults.filter((fault) => {
    const left = counts.get(faultKey(fault)) ?? 0
    counts.set(faultKey(fault), left - 1)
    return left <= 0
  })
}

function faultKey({ severity, code, bdf, message }: Diagnostic): string {
  return JSON.stringify([severity, code, bdf, message])
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}
