/** A mapping of a region that a plugin answers for: it says page by page what stands behind it. */
import { effect, type FaultBody, suppliedFaultBody } from '@vfiokit/locking'
import {
  type Frame,
  type MapAdmission,
  PAGE_SIZE_BYTES,
  PCI_REGION,
  pagesOf,
  VfioError,
  type Vma,
  type VmaBacking,
} from '@vfiokit/vfio-core'
import type { OpenPciDevice } from '../open-pci-device.ts'
import type { DeviceRegion } from '../region/device-region.ts'
import type { PhysicallyBackedRegion } from '../region/region.ts'

/**
 * @param first - First page in the region.
 * @throws VfioError EINVAL for a region without `fault`, or pages beyond its end; what the plugin refuses with.
 */
export function deviceRegionBacking(
  open: OpenPciDevice,
  own: DeviceRegion,
  first: number,
  admission: MapAdmission,
): VmaBacking {
  const { backing } = own.region
  if (backing === undefined)
    throw new VfioError('EINVAL', 'not-mappable', `region ${own.index} of ${open.device.id} cannot be mapped`)
  requireAdmitted(open, own, first, admission)
  const { device } = open
  // All of what stands in the place of a BAR goes with memory, as users expect of a BAR (I1).
  const followsMemory = backing === 'bar' || own.index < PCI_REGION.ROM
  // A strategy that populates whole mappings does so here too; others never see these pages come.
  const wholeMapping = followsMemory && device.strategy.populate === 'mapping'
  const { prefault = false } = own.region as Partial<PhysicallyBackedRegion>
  const step = `fault of region ${own.index}`
  return {
    followsMemory,
    ...(prefault && !followsMemory && { presentAtOnce: () => allFrames(own, first, admission.pages) }),
    fault: (vma: Vma, page: number): FaultBody =>
      suppliedFaultBody<Frame>(device, vma, wholeMapping ? [...Array(vma.pages).keys()] : [page], (each) =>
        effect(step, [], () => own.frame((first + vma.backingPage + each) * PAGE_SIZE_BYTES)),
      ),
  }
}

/** A plugin that decides itself decides about the length too, as in the kernel. */
function requireAdmitted(
  open: OpenPciDevice,
  own: DeviceRegion,
  first: number,
  { pages, protection }: MapAdmission,
): void {
  const what = `${pages} page(s) from page ${first} of region ${own.index} of ${open.device.id}`
  if (own.region.mmap === undefined) {
    if (first + pages <= pagesOf(own.sizeBytes)) return
    throw new VfioError('EINVAL', 'bad-offset', `${what} leave it`)
  }
  const place = { offset: first * PAGE_SIZE_BYTES, lengthBytes: pages * PAGE_SIZE_BYTES, protection }
  const errno = own.refuseMapping(place)
  if (errno !== undefined) throw new VfioError(errno, 'plugin-refused', `${what} by ${own.provider}`)
}

function allFrames(own: DeviceRegion, first: number, pages: number): Frame[] {
  return Array.from({ length: pages }, (_, at) => {
    const frame = own.frame((first + at) * PAGE_SIZE_BYTES)
    if (frame !== undefined) return frame
    throw new VfioError('EINVAL', 'not-mappable', `page ${first + at} of region ${own.index} is not there`)
  })
}
