/**
 * Capability: one entry of a function's capability lists, and how much of the lists is known.
 *
 * "Not there" and "not known" are different answers: a dump of 64 bytes knows no capability at all, one of 256
 * bytes knows the standard list only. {@link findCapability} tells the three cases apart.
 */

export interface Capability {
  readonly id: number
  /** false: standard list (offsets below 0x100); true: extended list. */
  readonly extended: boolean
  readonly offset: number
  /** From the header of an extended capability; 0 for a standard one (its layout has no such field). */
  readonly version: number
  readonly name: string
}

/**
 * What is known of a function's lists: `all` of both; `standard` only (the extended space was not given); `part`
 * (a list broke off or loops: what is listed is right, more may exist); `nothing`.
 */
export type CapabilityKnowledge = 'all' | 'standard' | 'part' | 'nothing'

/** Ids of the capabilities that other code asks for by name. */
export const CAPABILITY_ID: {
  readonly powerManagement: 0x01
  readonly msi: 0x05
  readonly pciX: 0x07
  readonly vendorSpecific: 0x09
  readonly subsystemIds: 0x0d
  readonly pciExpress: 0x10
  readonly msiX: 0x11
  readonly advancedFeatures: 0x13
  readonly enhancedAllocation: 0x14
} = {
  powerManagement: 0x01,
  msi: 0x05,
  pciX: 0x07,
  vendorSpecific: 0x09,
  subsystemIds: 0x0d,
  pciExpress: 0x10,
  msiX: 0x11,
  advancedFeatures: 0x13,
  enhancedAllocation: 0x14,
}

/** Ids of the extended capabilities that other code asks for by name. */
export const EXTENDED_CAPABILITY_ID: {
  readonly accessControlServices: 0x0d
  readonly alternativeRoutingId: 0x0e
  readonly singleRootIoVirtualization: 0x10
  readonly resizableBar: 0x15
  readonly designatedVendorSpecific: 0x23
  readonly vfResizableBar: 0x24
} = {
  accessControlServices: 0x0d,
  alternativeRoutingId: 0x0e,
  singleRootIoVirtualization: 0x10,
  resizableBar: 0x15,
  designatedVendorSpecific: 0x23,
  vfResizableBar: 0x24,
}

/** What {@link findCapability} needs of a function. */
export interface CapabilityLists {
  readonly capabilities: readonly Capability[]
  readonly capabilitiesKnown: CapabilityKnowledge
}

/** The first capability with that id; undefined when the function has none; `'unknown'` when it may have one. */
export function findCapability(
  lists: CapabilityLists,
  id: number,
  space: 'standard' | 'extended' = 'standard',
): Capability | 'unknown' | undefined {
  const extended = space === 'extended'
  const found = lists.capabilities.find((entry) => entry.id === id && entry.extended === extended)
  if (found !== undefined) return found
  const complete = lists.capabilitiesKnown === 'all' || (lists.capabilitiesKnown === 'standard' && !extended)
  return complete ? undefined : 'unknown'
}
