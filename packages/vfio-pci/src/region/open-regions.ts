/** Opens the providers that match a device; one that throws leaves the device without its regions. */
import { PAGE_SIZE_BYTES, PCI_REGION, REGION_PAGES, REGION_TYPE_PCI_VENDOR } from '@vfiokit/vfio-core'
import { BACKINGS } from '../mapping/page-frame.ts'
import { PluginCalls } from '../plugin-calls.ts'
import { DeviceRegion, type RegionPlace } from './device-region.ts'
import type { HostOf } from './plugin-host.ts'
import type { Region, RegionBody } from './region.ts'
import type { RegionHost } from './region-host.ts'
import type { RegionProvider } from './region-provider.ts'
import { synchronous } from './synchronous.ts'

/** What providers opened to for one device. */
export interface OpenedRegions {
  readonly regions: readonly DeviceRegion[]
  /** Providers that match the function, and have no region for it here. */
  readonly idle: readonly string[]
}

/**
 * Asks every matching provider, in the order they were registered.
 *
 * @param before - How many device-specific regions there are already.
 */
export function openRegions(
  hostOf: HostOf,
  place: RegionPlace,
  providers: readonly RegionProvider[],
  before: number,
): OpenedRegions {
  const regions: DeviceRegion[] = []
  const idle: string[] = []
  for (const provider of providers) {
    const opened = regionsOf(provider, hostOf(provider.name), place)
    if (opened?.length === 0) idle.push(provider.name)
    for (const region of opened ?? []) {
      const index = PCI_REGION.FIRST_DEVICE_SPECIFIC + before + regions.length
      regions.push(new DeviceRegion(index, provider.name, region, place))
    }
  }
  return { regions, idle }
}

/** undefined: it is for other functions, or failed. */
function regionsOf(
  provider: RegionProvider,
  host: RegionHost,
  { log }: RegionPlace,
): readonly Region[] | undefined {
  const device = host.function.bdf
  const calls = new PluginCalls(provider.name, device, log)
  if (!calls.matches(() => provider.matches(host.function))) return undefined
  // An errno from here is no answer to anybody, so it is told as any other failure.
  const tell = (cause: unknown) => log({ plugin: provider.name, device, member: 'open', cause })
  try {
    const regions = synchronous(provider.open(host))
    const defect = firstDefect(regions)
    if (defect === undefined) return regions
    tell(defect)
    for (const region of new Set(regions)) calls.tolerated('close', () => region?.close?.())
  } catch (cause) {
    tell(cause)
  }
  return undefined
}

/** All regions of a provider or none: with one left out the indexes of the others would shift. */
export function firstDefect(regions: readonly Region[]): Error | undefined {
  for (const [at, region] of regions.entries()) {
    const defect = defectOf(region)
    if (defect !== undefined) return new RangeError(`region ${at}: ${defect}`)
    const earlier = regions.indexOf(region)
    if (earlier < at)
      return new RangeError(`region ${at} is region ${earlier} again: it would be closed twice`)
  }
  return undefined
}

/** 2^40: what a region index spans in the file. */
const REGION_SPAN_BYTES = REGION_PAGES * PAGE_SIZE_BYTES
/** Bit 31 of a type says that the rest is a vendor id. */
const GLOBAL_TYPE_MAX = REGION_TYPE_PCI_VENDOR - 1

function defectOf(region: Region): string | undefined {
  const { kind } = region
  const [name, type, most] =
    'vendor' in kind ? ['vendor', kind.vendor, 0xffff] : ['global', kind.global, GLOBAL_TYPE_MAX]
  if (!isWithin(type, 0, most)) return `kind.${name} is ${type}, not a whole number up to ${most}`
  if (!isWithin(kind.subtype, 0, 0xffff_ffff)) return `kind.subtype is ${kind.subtype}, not 32 bits`
  return bodyDefect(region)
}

/** What is wrong with a region, whatever it is a region of. */
export function bodyDefect({ sizeBytes, fault, backing, ...rest }: RegionBody): string | undefined {
  if (!isWithin(sizeBytes, 1, REGION_SPAN_BYTES))
    return `sizeBytes is ${sizeBytes}, not a whole number from 1 to ${REGION_SPAN_BYTES}`
  if ((fault === undefined) !== (backing === undefined))
    return 'fault and backing come together: a mappable region says what backs its pages'
  if (backing !== undefined && !BACKINGS.includes(backing))
    return `backing is ${String(backing)}, not ${BACKINGS.join(' or ')}`
  if (fault === undefined && rest.mmap !== undefined) return 'mmap without fault: it cannot be mapped'
  return undefined
}

function isWithin(value: number, least: number, most: number): boolean {
  return Number.isSafeInteger(value) && value >= least && value <= most
}
