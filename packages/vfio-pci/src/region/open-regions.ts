/** Opens the providers that match a device; one that throws leaves the device without its regions. */
import type { PciHardware } from '@vfiokit/hardware'
import type { BarIndex } from '@vfiokit/topology'
import { PCI_REGION } from '@vfiokit/vfio-core'
import type { PluginFailureLog } from '../plugin-failure.ts'
import { DeviceRegion } from './device-region.ts'
import type { Region, RegionBar, RegionHost, RegionProvider } from './region-provider.ts'

/** Asks every matching provider, in the order they were registered. */
export function openRegions(
  hardware: PciHardware,
  providers: readonly RegionProvider[],
  log: PluginFailureLog,
): DeviceRegion[] {
  const opened: DeviceRegion[] = []
  for (const provider of providers)
    for (const region of regionsOf(provider, hardware, log)) {
      const index = PCI_REGION.FIRST_DEVICE_SPECIFIC + opened.length
      opened.push(new DeviceRegion(index, provider.name, region, hardware, log))
    }
  return opened
}

function regionsOf(
  provider: RegionProvider,
  hardware: PciHardware,
  log: PluginFailureLog,
): readonly Region[] {
  let member = 'matches'
  try {
    if (!provider.matches(hardware.identity)) return []
    member = 'open'
    const regions = provider.open(regionHost(hardware))
    for (const region of regions) checkRegion(region)
    return regions
  } catch (cause) {
    log({ plugin: provider.name, device: hardware.bdf, member, cause })
    return []
  }
}

function checkRegion({ sizeBytes, fault, backing }: Region): void {
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes <= 0)
    throw new RangeError(`sizeBytes is ${sizeBytes}, not a positive whole number`)
  if ((fault === undefined) !== (backing === undefined))
    throw new TypeError('fault and backing come together: a mappable region says what backs its pages')
}

function regionHost(hardware: PciHardware): RegionHost {
  return { function: hardware.identity, bar: (index) => regionBar(hardware, index) }
}

function regionBar(hardware: PciHardware, index: BarIndex): RegionBar {
  const resource = hardware.resources.find(({ bar }) => bar === index)
  if (resource === undefined || resource.kind !== 'memory')
    throw new RangeError(`${hardware.bdf} has no memory BAR ${index}`)
  return {
    sizeBytes: resource.sizeBytes,
    read: (offset, out) => hardware.readBar(index, offset, out),
    write: (offset, data) => hardware.writeBar(index, offset, data),
  }
}
