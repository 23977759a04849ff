/** All layouts that are known, by id. */
import {
  ADDRESS_TRANSLATION_SERVICES,
  PAGE_REQUEST_INTERFACE,
  PROCESS_ADDRESS_SPACE_ID,
} from './capabilities/address-translation.ts'
import { ADVANCED_FEATURES } from './capabilities/advanced-features.ts'
import { ENHANCED_ALLOCATION, RESIZABLE_BAR, VF_RESIZABLE_BAR } from './capabilities/bar-extensions.ts'
import { ADVANCED_ERROR_REPORTING, DOWNSTREAM_PORT_CONTAINMENT } from './capabilities/error-handling.ts'
import {
  DESIGNATED_VENDOR_SPECIFIC,
  DEVICE_SERIAL_NUMBER,
  SUBSYSTEM_IDS,
  VENDOR_SPECIFIC,
  VENDOR_SPECIFIC_EXTENDED,
  VITAL_PRODUCT_DATA,
} from './capabilities/identification.ts'
import { MSI, MSI_X } from './capabilities/interrupts.ts'
import { ACCESS_CONTROL_SERVICES, ALTERNATIVE_ROUTING_ID } from './capabilities/isolation.ts'
import { L1_PM_SUBSTATES } from './capabilities/link-power.ts'
import { PCI_EXPRESS } from './capabilities/pci-express.ts'
import { POWER_MANAGEMENT } from './capabilities/power-management.ts'
import { SR_IOV } from './capabilities/sr-iov.ts'
import type { Capability } from './capability.ts'
import { type CapabilityLayout, readFields } from './capability-layout.ts'
import type { PciFunction } from './pci-function.ts'

const LAYOUTS: readonly CapabilityLayout[] = [
  POWER_MANAGEMENT,
  VITAL_PRODUCT_DATA,
  MSI,
  VENDOR_SPECIFIC,
  SUBSYSTEM_IDS,
  PCI_EXPRESS,
  MSI_X,
  ADVANCED_FEATURES,
  ENHANCED_ALLOCATION,
  ADVANCED_ERROR_REPORTING,
  DEVICE_SERIAL_NUMBER,
  VENDOR_SPECIFIC_EXTENDED,
  ACCESS_CONTROL_SERVICES,
  ALTERNATIVE_ROUTING_ID,
  ADDRESS_TRANSLATION_SERVICES,
  SR_IOV,
  PAGE_REQUEST_INTERFACE,
  RESIZABLE_BAR,
  PROCESS_ADDRESS_SPACE_ID,
  DOWNSTREAM_PORT_CONTAINMENT,
  L1_PM_SUBSTATES,
  DESIGNATED_VENDOR_SPECIFIC,
  VF_RESIZABLE_BAR,
]

const BY_ID: ReadonlyMap<string, CapabilityLayout> = new Map(
  LAYOUTS.map((layout) => [key(layout.id, layout.extended), layout]),
)

function key(id: number, extended: boolean): string {
  return `${extended ? 'x' : ''}${id}`
}

export function capabilityLayout(id: number, extended: boolean): CapabilityLayout | undefined {
  return BY_ID.get(key(id, extended))
}

/**
 * The fields of a capability by name: flags as booleans, enumerations as words, the rest as numbers; what its layout
 * says beyond registers (message address, resizable BARs, EA entries, serial number) beside them. Fields whose bytes
 * are not known are left out. A capability without a known layout has `raw`, its bytes.
 */
export function decodeCapability(
  fn: Pick<PciFunction, 'config' | 'capabilities'>,
  capability: Capability,
): Readonly<Record<string, unknown>> {
  const layout = capabilityLayout(capability.id, capability.extended)
  if (layout === undefined) return { raw: capabilityBytes(fn, capability) }
  const more = layout.more?.(fn.config, capability.offset) ?? {}
  return { ...readFields(fn.config, capability.offset, layout.fields), ...more }
}

/** The known bytes from the capability's header up to the next capability, or to the end of its space. */
export function capabilityBytes(
  fn: Pick<PciFunction, 'config' | 'capabilities'>,
  capability: Capability,
): Uint8Array {
  const { offset, extended } = capability
  const limit = Math.min(extended ? 4096 : 256, fn.config.sizeBytes)
  const following = fn.capabilities
    .map((entry) => entry.offset)
    .filter((start) => start > offset && start < limit)
  return fn.config.bytes.slice(offset, Math.min(limit, ...following))
}
