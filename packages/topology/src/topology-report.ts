/**
 * TopologyReport: everything that is known and concluded about a machine as plain data, for `--json` and for tools.
 *
 * Numbers that people write in hexadecimal are text in sysfs form (`0x8086`), which `Number()` reads; sizes and bus
 * numbers are numbers. What is not known is null, and every list has a fixed order.
 */
import type { AcsOptions } from './acs.ts'
import { describeGroupReason } from './advice.ts'
import type { Bar } from './bar.ts'
import type { Bdf } from './bdf.ts'
import type { Diagnostic } from './diagnostic.ts'
import { type HotReset, hotReset } from './hot-reset.ts'
import { type GroupPrediction, predictGroups } from './iommu-group.ts'
import type { KernelName } from './kernel-profile.ts'
import type { PciFunction } from './pci-function.ts'
import { predictResetMethods } from './reset-methods.ts'
import type { Topology } from './topology.ts'

export interface BarReport {
  readonly index: number | 'rom'
  readonly kind: 'io' | 'memory'
  readonly width: 32 | 64
  readonly prefetchable: boolean
  readonly address: string
  readonly sizeBytes: number | null
}

export interface FunctionReport {
  readonly bdf: Bdf
  readonly vendorId: string
  readonly deviceId: string
  readonly class: string
  readonly revision: string
  readonly driver: string | null
  readonly slot: string | null
  /** `dddd:bb` */
  readonly bus: string
  /** The bridge above; null on a root bus. */
  readonly parent: Bdf | null
  /** Kind of PCI Express device or port; `conventional` without that capability. */
  readonly type: string
  readonly bars: readonly BarReport[]
  /** null: not known, because configuration space was not. */
  readonly capabilities:
    | readonly { readonly id: string; readonly offset: number; readonly name: string }[]
    | null
  /** As recorded, else as predicted. */
  readonly resetMethods: readonly string[]
  readonly hotReset: HotReset
  /** Groups as lists of their members. */
  readonly iommuGroup: {
    readonly actual: readonly Bdf[] | null
    readonly predicted: readonly Bdf[]
    readonly asLinuxEnables: readonly Bdf[]
    readonly why: string
  }
}

export interface BusReport {
  readonly bus: string
  readonly kind: string
  readonly bridge: Bdf | null
  readonly functions: readonly Bdf[]
}

export interface SlotReport {
  readonly name: string
  /** `dddd:bb` or `dddd:bb:dd` */
  readonly address: string
  readonly resettable: boolean
  readonly functions: readonly Bdf[]
}

export interface TopologyReport {
  readonly functions: readonly FunctionReport[]
  readonly buses: readonly BusReport[]
  readonly slots: readonly SlotReport[]
  readonly faults: readonly Diagnostic[]
}

export interface TopologyReportOptions {
  readonly kernel?: KernelName
  /** See {@link AcsOptions}. */
  readonly override?: readonly string[]
}

/**
 * @example
 * import { topologyReport, yamlReader } from '@vfiokit/topology'
 * const topology = yamlReader.read(`
 * vfiokit: topology/1
 * functions:
 *   - {bdf: '00:02.0', id: '8086:1616', class: '030000', driver: i915}
 * `, {})
 * const [gpu] = topologyReport(topology).functions
 * console.log(gpu?.bdf, gpu?.vendorId, gpu?.hotReset.possible) // => 0000:00:02.0 0x8086 false
 */
export function topologyReport(topology: Topology, options: TopologyReportOptions = {}): TopologyReport {
  const { override = [] } = options
  const predict = (acs: AcsOptions['acs']) => predictGroups(topology, { acs, override })
  const groups: Groups = {
    actual: actualGroups(topology),
    found: predict('as-found'),
    enabled: predict('as-linux-enables'),
  }
  return {
    functions: topology.functions.map((fn) => functionReport(topology, fn, groups, options)),
    buses: topology.buses.map(({ domain, number, kind, bridge, functions }) => ({
      bus: `${hex(domain, 4)}:${hex(number, 2)}`,
      kind,
      bridge: bridge ?? null,
      functions: functions.map(({ bdf }) => bdf),
    })),
    slots: topology.slots.map(({ name, domain, bus, device, resettable, functions }) => ({
      name,
      address: `${hex(domain, 4)}:${hex(bus, 2)}${device === undefined ? '' : `:${hex(device, 2)}`}`,
      resettable,
      functions: functions.map(({ bdf }) => bdf),
    })),
    faults: topology.faults,
  }
}

interface Groups {
  readonly actual: ReadonlyMap<number, readonly Bdf[]>
  readonly found: GroupPrediction
  readonly enabled: GroupPrediction
}

function functionReport(
  topology: Topology,
  fn: PciFunction,
  groups: Groups,
  { kernel }: TopologyReportOptions,
): FunctionReport {
  const ofKernel = kernel === undefined ? {} : { kernel }
  const enabled = groups.enabled.verdict(fn.bdf)!
  return {
    bdf: fn.bdf,
    vendorId: `0x${hex(fn.vendorId, 4)}`,
    deviceId: `0x${hex(fn.deviceId, 4)}`,
    class: `0x${hex(fn.classCode, 6)}`,
    revision: `0x${hex(fn.revision, 2)}`,
    driver: fn.driver ?? null,
    slot: fn.slot ?? null,
    bus: fn.bdf.slice(0, fn.bdf.lastIndexOf(':')),
    parent: fn.parent ?? null,
    type: fn.pcie?.type ?? 'conventional',
    bars: fn.bars.map(barReport),
    capabilities:
      fn.capabilitiesKnown === 'nothing'
        ? null
        : fn.capabilities.map(({ id, offset, name }) => ({ id: `0x${hex(id, 2)}`, offset, name })),
    resetMethods: fn.resetMethods ?? predictResetMethods(topology, fn.bdf, ofKernel),
    hotReset: hotReset(topology, fn.bdf, ofKernel),
    iommuGroup: {
      actual: fn.iommuGroup === undefined ? null : groups.actual.get(fn.iommuGroup)!,
      predicted: groups.found.verdict(fn.bdf)!.members,
      asLinuxEnables: enabled.members,
      why: describeGroupReason(enabled.reason),
    },
  }
}

function barReport({ index, kind, width, prefetchable, address, sizeBytes }: Bar): BarReport {
  return {
    index,
    kind,
    width,
    prefetchable,
    address: `0x${address.toString(16)}`,
    sizeBytes: sizeBytes ?? null,
  }
}

function actualGroups(topology: Topology): Map<number, Bdf[]> {
  const groups = new Map<number, Bdf[]>()
  for (const { bdf, iommuGroup } of topology.functions) {
    if (iommuGroup === undefined) continue
    const members = groups.get(iommuGroup)
    if (members === undefined) groups.set(iommuGroup, [bdf])
    else members.push(bdf)
  }
  return groups
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}
