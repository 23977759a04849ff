/**
 * Whether a function keeps what is behind or beside it apart, as Linux decides it (pci_acs_enabled): a table of
 * devices first, then the kind of function, then its Access Control Services.
 */
import { EXTENDED_CAPABILITY_ID, findCapability } from './capability.ts'
import type { UngroupedFunction } from './pci-function.ts'
import { acsQuirk } from './quirks/acs.ts'

export type AcsBit = 'source-validation' | 'request-redirect' | 'completion-redirect' | 'upstream-forwarding'

export interface AcsVerdict {
  readonly isolates: boolean
  /** What decided: the kind of function alone, its registers, the table of devices, an override. */
  readonly by: 'kind' | 'registers' | 'quirk' | 'override'
  /** Required bits that are not on; all four when there is no capability. */
  readonly missing: readonly AcsBit[]
  /** false: the registers that decide are not among the known bytes, and were taken as absent. */
  readonly known: boolean
}

export interface AcsOptions {
  /** `as-found`: control registers as they are. `as-linux-enables`: with what Linux turns on for an IOMMU. */
  readonly acs: 'as-found' | 'as-linux-enables'
  /** The out-of-tree parameter pcie_acs_override: ports, multifunction devices, or single ids `id:vvvv:dddd`. */
  readonly override?: readonly string[]
}

const BITS: readonly (readonly [number, AcsBit])[] = [
  [0x01, 'source-validation'],
  [0x04, 'request-redirect'],
  [0x08, 'completion-redirect'],
  [0x10, 'upstream-forwarding'],
]
const REQUIRED = BITS.reduce((mask, [bit]) => mask | bit, 0)
const ALL_BITS: readonly AcsBit[] = BITS.map(([, name]) => name)

export function acsVerdict(fn: UngroupedFunction, options: AcsOptions): AcsVerdict {
  const quirk = acsQuirk(fn)
  if (quirk === 'isolated') return { isolates: true, by: 'quirk', missing: [], known: true }
  if (quirk === 'not-isolated') return { isolates: false, by: 'quirk', missing: ALL_BITS, known: true }
  if (quirk === 'control-at-8') return { ...byRegisters(fn, options, 8), by: 'quirk' }
  if (isOverridden(fn, options.override ?? []))
    return { isolates: true, by: 'override', missing: [], known: true }
  return byKind(fn, options)
}

function byKind(fn: UngroupedFunction, options: AcsOptions): AcsVerdict {
  if (fn.pcie === undefined) {
    const known = fn.capabilitiesKnown !== 'nothing'
    return { isolates: false, by: 'kind', missing: ALL_BITS, known }
  }
  switch (fn.pcie.type) {
    case 'pcie-to-pci-bridge':
    case 'pci-to-pcie-bridge':
    case 'rc-event-collector':
      return { isolates: false, by: 'kind', missing: ALL_BITS, known: true }
    case 'root-port':
    case 'downstream-port':
      return byRegisters(fn, options, 6)
    case 'endpoint':
    case 'legacy-endpoint':
    case 'upstream-port':
    case 'rc-integrated-endpoint':
      if (fn.multifunction) return byRegisters(fn, options, 6)
      return { isolates: true, by: 'kind', missing: [], known: true }
    default:
      return { isolates: true, by: 'kind', missing: [], known: true }
  }
}

/** Bits that the capability does not have count as on: the function cannot do what they would forbid. */
function byRegisters(fn: UngroupedFunction, options: AcsOptions, controlOffset: 6 | 8): AcsVerdict {
  const capability = findCapability(fn, EXTENDED_CAPABILITY_ID.accessControlServices, 'extended')
  if (capability === undefined) return { isolates: false, by: 'registers', missing: ALL_BITS, known: true }
  if (capability === 'unknown' || !fn.config.has(capability.offset, controlOffset + 2)) {
    return { isolates: false, by: 'registers', missing: ALL_BITS, known: false }
  }
  const able = fn.config.read16(capability.offset + 4)
  const found = fn.config.read16(capability.offset + controlOffset)
  const control = options.acs === 'as-found' ? found : found | (able & REQUIRED)
  const missing = BITS.filter(([bit]) => (able & bit) !== 0 && (control & bit) === 0).map(([, name]) => name)
  return { isolates: missing.length === 0, by: 'registers', missing, known: true }
}

function isOverridden(fn: UngroupedFunction, override: readonly string[]): boolean {
  if (override.length === 0) return false
  const hex = (value: number): string => value.toString(16).padStart(4, '0')
  if (override.includes(`id:${hex(fn.vendorId)}:${hex(fn.deviceId)}`)) return true
  const type = fn.pcie?.type
  if (type === 'root-port' || type === 'downstream-port') return override.includes('downstream')
  const mayBeMany = type === 'endpoint' || type === 'upstream-port' || type === 'legacy-endpoint'
  const isMany = fn.multifunction && (mayBeMany || type === 'rc-integrated-endpoint')
  return isMany && override.includes('multifunction')
}
