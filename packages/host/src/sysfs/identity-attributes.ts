/** Attributes that say what a function is: identities, and links to what it belongs to. */

import { hex, type SysfsAttribute, type SysfsFunction } from './attribute.ts'
import { devicePath } from './device-path.ts'

/** By name. */
export const IDENTITY_ATTRIBUTES: Readonly<Record<string, SysfsAttribute>> = {
  vendor: { read: ({ identity }) => hex(identity.vendorId, 4) },
  device: { read: ({ identity }) => hex(identity.deviceId, 4) },
  class: { read: ({ identity }) => hex(identity.classCode, 6) },
  revision: { read: ({ identity }) => hex(identity.revision, 2) },
  subsystem_vendor: { read: ({ identity }) => hex(identity.subsystem?.vendorId ?? 0, 4) },
  subsystem_device: { read: ({ identity }) => hex(identity.subsystem?.deviceId ?? 0, 4) },
  subsystem: { link: () => 'bus/pci' },
  iommu_group: {
    link: ({ identity: { iommuGroup } }) =>
      iommuGroup === undefined ? undefined : `kernel/iommu_groups/${iommuGroup}`,
  },
  physfn: { link: ({ bus, identity }) => placeOf(bus, identity.physfn) },
}

/** `virtfn0` and so on, in the order of their addresses. */
export function virtualFunctionLink(name: string): SysfsAttribute | undefined {
  const index = /^virtfn(\d+)$/.exec(name)?.[1]
  if (index === undefined) return undefined
  return {
    link: ({ bus, identity }) =>
      placeOf(bus, bus.topology.virtualFunctions(identity.bdf)[Number(index)]?.bdf),
  }
}

function placeOf(bus: SysfsFunction['bus'], bdf: SysfsFunction['identity']['physfn']): string | undefined {
  const fn = bdf === undefined ? undefined : bus.topology.function(bdf)
  return fn === undefined ? undefined : devicePath(bus.topology, fn).join('/')
}
