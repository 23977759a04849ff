/** Compares a function with itself in the other topology, field by field. Internal to the diff. */
import type { Bar } from '../bar.ts'
import type { Bridge, Window } from '../bridge.ts'
import type { Capability } from '../capability.ts'
import type { PciFunction, SubsystemIds } from '../pci-function.ts'
import type { Topology } from '../topology.ts'
import { byteChanges } from './byte-changes.ts'
import { type FieldChange, type Fields, fieldChanges } from './field-change.ts'
import type { GroupComparison } from './group-comparison.ts'
import { registerFields } from './registers.ts'

export class FunctionComparison {
  readonly #before: Topology
  readonly #after: Topology
  readonly #groups: GroupComparison
  readonly #config: 'registers' | 'bytes'

  constructor(before: Topology, after: Topology, groups: GroupComparison, config: 'registers' | 'bytes') {
    this.#before = before
    this.#after = after
    this.#groups = groups
    this.#config = config
  }

  changes(before: PciFunction, after: PciFunction): readonly FieldChange[] {
    const group = this.#groups.change(before.bdf)
    const own = before === after ? [] : fieldChanges(plainFields(before), plainFields(after))
    const bridges = [this.#before.bridge(before.bdf), this.#after.bridge(after.bdf)] as const
    const bridge = fieldChanges(bridgeFields(bridges[0]), bridgeFields(bridges[1]))
    return [...own, ...(group === undefined ? [] : [group]), ...bridge, ...this.#configChanges(before, after)]
  }

  #configChanges(before: PciFunction, after: PciFunction): readonly FieldChange[] {
    if (before.config === after.config || before.config.equals(after.config)) return []
    const registers = fieldChanges(registerFields(before, after), registerFields(after, before))
    return this.#config === 'bytes' ? [...registers, ...byteChanges(before.config, after.config)] : registers
  }
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

function ids(pair: SubsystemIds | undefined): string | undefined {
  return pair && `${hex(pair.vendorId, 4)}:${hex(pair.deviceId, 4)}`
}

function plainFields(fn: PciFunction): Fields {
  return {
    id: ids(fn),
    class: hex(fn.classCode, 6),
    revision: hex(fn.revision, 2),
    subsystem: ids(fn.subsystem),
    headerType: fn.headerType,
    type: fn.pcie?.type,
    multifunction: fn.multifunction,
    parent: fn.parent,
    slot: fn.slot,
    physfn: fn.physfn,
    driver: fn.driver,
    resetMethods: fn.resetMethods,
    configSizeBytes: fn.configSizeBytes,
    configKnownBytes: fn.config.sizeBytes,
    ...Object.fromEntries(fn.bars.map((bar) => [barName('bar', bar), barText(bar)])),
    ...Object.fromEntries(fn.vfBars.map((bar) => [barName('vfBar', bar), barText(bar)])),
    capabilities: fn.capabilities.map(capabilityText),
  }
}

function barName(kind: string, bar: Bar): string {
  return bar.index === 'rom' ? 'rom' : `${kind}${bar.index}`
}

function barText(bar: Bar): string {
  const parts = [
    bar.kind,
    `${bar.width}-bit`,
    ...(bar.prefetchable ? ['prefetchable'] : []),
    ...(bar.below1M ? ['below 1M'] : []),
    ...(bar.romEnabled ? ['enabled'] : []),
    `at 0x${bar.address.toString(16)}`,
    ...(bar.sizeBytes === undefined ? [] : [`size ${bar.sizeBytes}`]),
  ]
  return parts.join(' ')
}

function capabilityText(capability: Capability): string {
  return `${capability.name}@${capability.offset.toString(16)}`
}

function bridgeFields(bridge: Bridge | undefined): Fields {
  if (bridge === undefined) return {}
  const { primary, secondary, subordinate, windows } = bridge
  return {
    primary,
    secondary,
    subordinate,
    ioWindow: windowText(windows.io),
    memoryWindow: windowText(windows.memory),
    prefetchableWindow: windowText(windows.prefetchable),
  }
}

function windowText(window: Window | undefined): string | undefined {
  return window && `0x${window.base.toString(16)}-0x${window.limit.toString(16)}`
}
