/**
 * mmap admission: what may be mapped, in the order in which the kernel asks.
 *
 * Whether memory is on is not asked: a mapping can be made at any time, and each page is decided by
 * its fault. Kernel: `vfio_pci_core_mmap`.
 */
import type { BarResource } from '@vfiokit/hardware'
import {
  type MapAdmission,
  PAGE_SIZE_BYTES,
  PCI_REGION,
  pagesOf,
  REGION_PAGES,
  VfioError,
  type VmaBacking,
} from '@vfiokit/vfio-core'
import type { OpenPciDevice } from '../open-pci-device.ts'
import { barBacking } from './bar-backing.ts'
import { deviceRegionBacking } from './device-region-backing.ts'

/** @throws VfioError EINVAL for everything that may not be mapped. */
export function admitMapping(open: OpenPciDevice, admission: MapAdmission): VmaBacking {
  const { page, pages, shared } = admission
  const index = Math.floor(page / REGION_PAGES)
  const first = page - index * REGION_PAGES
  const own = open.regionAt(index)
  if (index >= PCI_REGION.FIRST_DEVICE_SPECIFIC && own === undefined)
    throw refused('bad-index', `${open.device.id} has no region ${index}`)
  if (!shared) throw refused('not-shared', 'a device is mapped MAP_SHARED only')
  if (own !== undefined) return deviceRegionBacking(open, own, first, admission)
  const resource = open.resources.find(({ bar }) => bar === index)
  if (index >= PCI_REGION.ROM || resource === undefined || !isMappable(resource))
    throw refused('not-mappable', `region ${index} of ${open.device.id} cannot be mapped`)
  if (first + pages > pagesOf(resource.sizeBytes))
    throw refused('bad-offset', `${pages} page(s) from page ${first} leave region ${index}`)
  return barBacking(open, resource.bar as PciBarIndex, first)
}

type PciBarIndex = Exclude<BarResource['bar'], 'rom'>

/**
 * Memory only. A BAR smaller than a page must begin one, so that the rest of the page can be kept
 * free. Kernel: `vfio_pci_probe_mmaps`.
 */
export function isMappable({ kind, start, sizeBytes }: BarResource): boolean {
  if (kind !== 'memory') return false
  return sizeBytes >= PAGE_SIZE_BYTES || start % BigInt(PAGE_SIZE_BYTES) === 0n
}

function refused(reason: 'bad-index' | 'not-shared' | 'not-mappable' | 'bad-offset', why: string): VfioError {
  return new VfioError('EINVAL', reason, why)
}
