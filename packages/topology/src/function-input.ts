/** From a function of a finished topology back to the input that makes it. */
import type { FunctionInput, PciFunction } from './pci-function.ts'
import type { SlotInput } from './slot.ts'
import type { Topology } from './topology.ts'

/**
 * Everything that the topology knows of one of its functions, for a new {@link TopologyBuilder}: nothing is left to be
 * found again, so what a source said against its own bytes stays said.
 */
export function functionInputOf(topology: Topology, fn: PciFunction): FunctionInput {
  const bridge = topology.bridge(fn.bdf)
  const { primary, secondary, subordinate } = bridge ?? { primary: 0, secondary: 0, subordinate: 0 }
  return {
    bdf: fn.bdf,
    vendorId: fn.vendorId,
    deviceId: fn.deviceId,
    classCode: fn.classCode,
    revision: fn.revision,
    subsystem: fn.subsystem,
    multifunction: fn.multifunction,
    config: fn.config,
    configSizeBytes: fn.configSizeBytes,
    bars: fn.bars,
    vfBars: fn.vfBars,
    busNumbers: bridge === undefined ? undefined : { primary, secondary, subordinate },
    windows: bridge?.windows,
    parent: fn.parent ?? null,
    driver: fn.driver,
    iommuGroup: fn.iommuGroup,
    resetMethods: fn.resetMethods,
    attributes: fn.attributes,
    physfn: fn.physfn,
  }
}

/** The slots of a topology as inputs, in order. */
export function slotInputsOf(topology: Topology): readonly SlotInput[] {
  return topology.slots.map(({ name, domain, bus, device, driver }) => ({
    name,
    domain,
    bus,
    device,
    driver,
  }))
}
