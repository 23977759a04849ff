/**
 * FunctionDraft: a function while its topology is being built: decoded on its own, not yet placed in the tree.
 * Internal to the builder.
 */
import { type Bar, type BarIndex, decodeBars, decodeRegisters } from './bar.ts'
import { Bdf, type BdfParts } from './bdf.ts'
import { type BridgeWindows, type BusNumbers, decodeBusNumbers, decodeWindows, NO_WINDOWS } from './bridge.ts'
import { enhancedAllocation } from './capabilities/bar-extensions.ts'
import {
  CAPABILITY_ID,
  type Capability,
  type CapabilityKnowledge,
  EXTENDED_CAPABILITY_ID,
} from './capability.ts'
import { walkCapabilities } from './capability-walk.ts'
import { ConfigSpace } from './config-space.ts'
import type { Diagnostic } from './diagnostic.ts'
import { HEADER_TYPE } from './header-registers.ts'
import type { FunctionInput, PciFunction, SubsystemIds } from './pci-function.ts'
import { decodePcie, type PcieInfo } from './pcie.ts'

export interface FunctionDraft {
  readonly input: FunctionInput
  readonly parts: BdfParts
  readonly routingId: number
  readonly vendorId: number
  readonly deviceId: number
  readonly classCode: number
  readonly revision: number
  readonly subsystem: SubsystemIds | undefined
  readonly headerType: 0 | 1 | 2
  readonly config: ConfigSpace
  readonly configSizeBytes: 256 | 4096 | undefined
  readonly capabilities: readonly Capability[]
  readonly capabilitiesKnown: CapabilityKnowledge
  readonly bars: readonly Bar[]
  readonly vfBars: readonly Bar[]
  /** Corrected by the bus tree. */
  pcie: PcieInfo | undefined
  readonly busNumbers: BusNumbers | undefined
  readonly windows: BridgeWindows
  /** Found by the bus tree. */
  parent: FunctionDraft | undefined
}

type Report = (diagnostic: Diagnostic) => void

const VENDOR_NONE = 0xffff

export function draftFunction(input: FunctionInput, report: Report): FunctionDraft {
  const { bdf } = input
  const config = input.config ?? ConfigSpace.unknown
  const fault = (diagnostic: Diagnostic): void => report({ ...diagnostic, bdf })
  const lost = config.isAllOnes
  if (lost) fault(allOnes(bdf))
  const readable = lost ? ConfigSpace.unknown : config
  const identity = identify(input, readable, fault)
  const headerType = headerTypeOf(readable, identity.classCode, bdf, fault)
  const configSizeBytes = input.configSizeBytes ?? (config.sizeBytes === 4096 ? 4096 : undefined)
  const walk = walkCapabilities(readable, headerType, identity.classCode, configSizeBytes)
  for (const diagnostic of walk.faults) {
    fault({ ...diagnostic, message: `${bdf}: ${diagnostic.message}` })
  }
  const decoded = input.bars === undefined ? decodeBars(readable, headerType) : undefined
  for (const diagnostic of decoded?.faults ?? []) {
    fault({ ...diagnostic, message: `${bdf}: ${diagnostic.message}` })
  }
  const isBridge = headerType !== 0
  return {
    input,
    parts: Bdf.parts(bdf),
    routingId: Bdf.routingId(bdf),
    ...identity,
    subsystem: input.subsystem ?? subsystemOf(readable, headerType, walk.capabilities),
    headerType,
    config,
    configSizeBytes,
    capabilities: Object.freeze(walk.capabilities),
    capabilitiesKnown: walk.known,
    bars: Object.freeze(input.bars ?? withAllocated(decoded?.bars ?? [], readable, walk.capabilities)),
    vfBars: Object.freeze(input.vfBars ?? vfBarsOf(readable, walk.capabilities)),
    pcie: decodePcie(readable, walk.capabilities),
    busNumbers: isBridge ? (input.busNumbers ?? decodeBusNumbers(readable)) : undefined,
    windows: input.windows ?? (headerType === 1 ? decodeWindows(readable) : NO_WINDOWS),
    parent: undefined,
  }
}

/** Kinds of address space by the property of an EA entry; others are not a BAR of the function itself. */
const ALLOCATED_KINDS: Readonly<Record<number, Pick<Bar, 'kind' | 'prefetchable'>>> = {
  0: { kind: 'memory', prefetchable: false },
  1: { kind: 'memory', prefetchable: true },
  2: { kind: 'io', prefetchable: false },
}
const EA_ROM = 8

/** BARs that Enhanced Allocation places read zero in the header, and have a size. */
function withAllocated(
  bars: readonly Bar[],
  config: ConfigSpace,
  capabilities: readonly Capability[],
): readonly Bar[] {
  const capability = capabilities.find(
    (entry) => !entry.extended && entry.id === CAPABILITY_ID.enhancedAllocation,
  )
  if (capability === undefined) return bars
  const allocated = enhancedAllocation(config, capability.offset).flatMap((entry): readonly Bar[] => {
    const kind = ALLOCATED_KINDS[entry.primaryProperty] ?? ALLOCATED_KINDS[entry.secondaryProperty]
    const { barEquivalent, start, end } = entry
    const isOwn = barEquivalent <= 5 || barEquivalent === EA_ROM
    if (!entry.enabled || !entry.consistent || !isOwn || kind === undefined) return []
    const index = barEquivalent === EA_ROM ? ('rom' as const) : (barEquivalent as BarIndex)
    const width = end > 0xffffffffn ? (64 as const) : (32 as const)
    return [Object.freeze({ index, ...kind, width, address: start, sizeBytes: Number(end - start + 1n) })]
  })
  const place = (bar: Bar): number => (bar.index === 'rom' ? EA_ROM : bar.index)
  const taken = new Set(allocated.map(place))
  return [...bars.filter((bar) => !taken.has(place(bar))), ...allocated].sort((a, b) => place(a) - place(b))
}

const VF_BARS = 0x24

/** The registers of the SR-IOV capability: addresses without sizes. */
function vfBarsOf(config: ConfigSpace, capabilities: readonly Capability[]): readonly Bar[] {
  const capability = capabilities.find(
    (entry) => entry.extended && entry.id === EXTENDED_CAPABILITY_ID.singleRootIoVirtualization,
  )
  return capability === undefined ? [] : decodeRegisters(config, capability.offset + VF_BARS, 6).bars
}

function allOnes(bdf: Bdf): Diagnostic {
  return {
    severity: 'warning',
    code: 'config-all-ones',
    message: `${bdf}: configuration space reads all ones: the function does not answer (gone, or in D3cold)`,
  }
}

type Identity = Pick<FunctionDraft, 'vendorId' | 'deviceId' | 'classCode' | 'revision'>

function identify(input: FunctionInput, config: ConfigSpace, report: Report): Identity {
  const at16 = (offset: number): number | undefined =>
    config.has(offset, 2) ? config.read16(offset) : undefined
  const vendorId = input.vendorId ?? at16(0)
  const deviceId = input.deviceId ?? at16(2)
  if (vendorId === undefined || deviceId === undefined) {
    const message = `${input.bdf}: neither ids nor configuration space are known`
    report({ severity: 'warning', code: 'identity-unknown', message })
  }
  const classAndRevision = config.has(8, 4) ? config.read32(8) : undefined
  return {
    vendorId: vendorId ?? VENDOR_NONE,
    deviceId: deviceId ?? VENDOR_NONE,
    classCode: input.classCode ?? (classAndRevision === undefined ? 0 : classAndRevision >>> 8),
    revision: input.revision ?? (classAndRevision === undefined ? 0 : classAndRevision & 0xff),
  }
}

const CLASS_PCI_BRIDGE = 0x0604
const CLASS_CARDBUS_BRIDGE = 0x0607

function headerTypeOf(config: ConfigSpace, classCode: number, bdf: Bdf, report: Report): 0 | 1 | 2 {
  const kind = classCode >>> 8
  if (!config.has(HEADER_TYPE, 1)) {
    if (kind === CLASS_PCI_BRIDGE) return 1
    return kind === CLASS_CARDBUS_BRIDGE ? 2 : 0
  }
  const type = config.read8(HEADER_TYPE) & 0x7f
  if (type !== 0 && type !== 1 && type !== 2) {
    const message = `${bdf}: header type ${type} is unknown: Linux ignores the function; read as type 0`
    report({
      severity: 'warning',
      code: 'header-type-unknown',
      message,
      expected: '0, 1 or 2',
      found: `${type}`,
    })
    return 0
  }
  if ((type === 0 && kind === CLASS_PCI_BRIDGE) || (type === 2 && kind !== CLASS_CARDBUS_BRIDGE)) {
    const message = `${bdf}: header type ${type} does not fit class ${kind.toString(16).padStart(4, '0')}`
    report({ severity: 'warning', code: 'header-class-mismatch', message })
  }
  return type
}

const SUBSYSTEM_IDS: Readonly<Record<0 | 2, number>> = { 0: 0x2c, 2: 0x40 }

function subsystemOf(
  config: ConfigSpace,
  headerType: 0 | 1 | 2,
  capabilities: readonly Capability[],
): SubsystemIds | undefined {
  const capability = capabilities.find((entry) => !entry.extended && entry.id === CAPABILITY_ID.subsystemIds)
  const offset = headerType === 1 ? capability && capability.offset + 4 : SUBSYSTEM_IDS[headerType]
  if (offset === undefined || !config.has(offset, 4)) return undefined
  const vendorId = config.read16(offset)
  const deviceId = config.read16(offset + 2)
  return vendorId === 0 || vendorId === VENDOR_NONE ? undefined : Object.freeze({ vendorId, deviceId })
}

/** Linux's rule: the header bit, or being found as a later function of a device; never a virtual function. */
function isMultifunction(draft: FunctionDraft): boolean {
  const { input, config, parts } = draft
  if (input.multifunction !== undefined) return input.multifunction
  if (input.physfn !== undefined) return false
  if (parts.function > 0) return true
  return config.has(HEADER_TYPE, 1) && !config.isAllOnes && (config.read8(HEADER_TYPE) & 0x80) !== 0
}

/** The finished function; `slot` is the name of the slot that holds it. */
export function finishFunction(draft: FunctionDraft, slot: string | undefined): PciFunction {
  const { input } = draft
  return Object.freeze({
    bdf: input.bdf,
    vendorId: draft.vendorId,
    deviceId: draft.deviceId,
    classCode: draft.classCode,
    revision: draft.revision,
    subsystem: draft.subsystem,
    headerType: draft.headerType,
    multifunction: isMultifunction(draft),
    config: draft.config,
    configSizeBytes: draft.configSizeBytes,
    capabilities: draft.capabilities,
    capabilitiesKnown: draft.capabilitiesKnown,
    bars: draft.bars,
    vfBars: draft.vfBars,
    pcie: draft.pcie,
    parent: draft.parent?.input.bdf,
    driver: input.driver,
    iommuGroup: input.iommuGroup,
    slot,
    attributes: input.attributes === undefined ? NO_ATTRIBUTES : Object.freeze({ ...input.attributes }),
    resetMethods: input.resetMethods === undefined ? undefined : Object.freeze([...input.resetMethods]),
    physfn: input.physfn,
  })
}
/** Most sources have none: they share this. */
const NO_ATTRIBUTES: Readonly<Record<string, string>> = Object.freeze({})
