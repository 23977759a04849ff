/** Opens the providers that match a device; one that throws leaves the device without its regions. */
import type { PciHardware } from '@vfiokit/hardware'
import type { BarIndex } from '@vfiokit/topology'
import { PAGE_SIZE_BYTES, PCI_REGION, REGION_PAGES, REGION_TYPE_PCI_VENDOR } from '@vfiokit/vfio-core'
import type { PluginFailureLog } from '../plugin-failure.ts'
import { DeviceRegion } from './device-region.ts'
import type { Region, RegionBar, RegionHost, RegionProvider } from './region-provider.ts'
import { synchronous } from './synchronous.ts'

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
  const tell = (member: string, cause: unknown) =>
    log({ plugin: provider.name, device: hardware.bdf, member, cause })
  let member = 'matches'
  try {
    if (!synchronous(provider.matches(hardware.identity))) return []
    member = 'open'
    const regions = synchronous(provider.open(regionHost(hardware)))
    const defect = firstDefect(regions)
    if (defect === undefined) return regions
    tell(member, defect)
    closeAll(regions, (cause) => tell('close', cause))
  } catch (cause) {
    tell(member, cause)
  }
  return []
}

/** All regions of a provider or none: with one left out the indexes of the others would shift. */
function firstDefect(regions: readonly Region[]): Error | undefined {
  for (const [at, region] of regions.entries()) {
    const defect = defectOf(region)
    if (defect !== undefined) return new RangeError(`region ${at}: ${defect}`)
    const earlier = regions.indexOf(region)
    if (earlier < at)
      return new RangeError(`region ${at} is region ${earlier} again: it would be closed twice`)
  }
  return undefined
}

function closeAll(regions: readonly Region[], tell: (cause: unknown) => void): void {
  for (const region of new Set(regions))
    try {
      synchronous(region?.close?.())
    } catch (cause) {
      tell(cause)
    }
}

/** 2^40: what a region index spans in the file. */
const REGION_SPAN_BYTES = REGION_PAGES * PAGE_SIZE_BYTES
/** Bit 31 of a type says that the rest is a vendor id. */
const GLOBAL_TYPE_MAX = REGION_TYPE_PCI_VENDOR - 1

function defectOf({ kind, sizeBytes, fault, backing }: Region): string | undefined {
  const [name, type, most] =
    'vendor' in kind ? ['vendor', kind.vendor, 0xffff] : ['global', kind.global, GLOBAL_TYPE_MAX]
  if (!isWithin(type, 0, most)) return `kind.${name} is ${type}, not a whole number up to ${most}`
  if (!isWithin(kind.subtype, 0, 0xffff_ffff)) return `kind.subtype is ${kind.subtype}, not 32 bits`
  if (!isWithin(sizeBytes, 1, REGION_SPAN_BYTES))
    return `sizeBytes is ${sizeBytes}, not a whole number from 1 to ${REGION_SPAN_BYTES}`
  if ((fault === undefined) !== (backing === undefined))
    return 'fault and backing come together: a mappable region says what backs its pages'
  if (backing !== undefined && backing !== 'bar' && backing !== 'memory')
    return `backing is ${String(backing)}, not bar or memory`
  return undefined
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most
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
