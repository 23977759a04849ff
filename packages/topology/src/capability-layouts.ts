/** All layouts that are known, by id. */
import { ADVANCED_FEATURES } from './capabilities/advanced-features.ts'
import { MSI, MSI_X } from './capabilities/interrupts.ts'
import { ACCESS_CONTROL_SERVICES, ALTERNATIVE_ROUTING_ID } from './capabilities/isolation.ts'
import { PCI_EXPRESS } from './capabilities/pci-express.ts'
import { POWER_MANAGEMENT } from './capabilities/power-management.ts'
import { SR_IOV } from './capabilities/sr-iov.ts'
import type { Capability } from './capability.ts'
import { type CapabilityLayout, readFields } from './capability-layout.ts'
import type { PciFunction } from './pci-function.ts'

const LAYOUTS: readonly CapabilityLayout[] = [
  POWER_MANAGEMENT,
  MSI,
  PCI_EXPRESS,
  MSI_X,
  ADVANCED_FEATURES,
  ACCESS_CONTROL_SERVICES,
  ALTERNATIVE_ROUTING_ID,
  SR_IOV,
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
 * The fields of a capability by name: flags as booleans, enumerations as words, the rest as numbers. Empty for a
 * capability whose layout is not known; fields whose bytes are not known are left out.
 */
export function decodeCapability(
  fn: Pick<PciFunction, 'config'>,
  capability: Capability,
): Readonly<Record<string, unknown>> {
  const layout = capabilityLayout(capability.id, capability.extended)
  if (layout === undefined) return {}
  const more = layout.more?.(fn.config, capability.offset) ?? {}
  return { ...readFields(fn.config, capability.offset, layout.fields), ...more }
}
