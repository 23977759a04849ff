/** A mapping of a device-specific region: the plugin says page by page what stands behind it. */
import { effect, type FaultBody, suppliedFaultBody } from '@vfiokit/locking'
import {
  type Frame,
  MemoryFrame,
  PAGE_SIZE_BYTES,
  pagesOf,
  VfioError,
  type Vma,
  type VmaBacking,
} from '@vfiokit/vfio-core'
import type { OpenPciDevice } from '../open-pci-device.ts'
import type { DeviceRegion } from '../region/device-region.ts'
import { BarFrame } from './bar-frame.ts'

/** @throws VfioError EINVAL for a region without `fault`, or pages beyond its end. */
export function deviceRegionBacking(
  open: OpenPciDevice,
  own: DeviceRegion,
  first: number,
  pages: number,
): VmaBacking {
  const { backing } = own.region
  if (backing === undefined)
    throw new VfioError('EINVAL', 'not-mappable', `region ${own.index} of ${open.device.id} cannot be mapped`)
  if (first + pages > pagesOf(own.sizeBytes))
    throw new VfioError(
      'EINVAL',
      'bad-offset',
      `${pages} page(s) from page ${first} leave region ${own.index}`,
    )
  const { device } = open
  // A strategy that populates whole mappings does so here too; others never see these pages come.
  const wholeMapping = backing === 'bar' && device.strategy.populate === 'mapping'
  return {
    followsMemory: backing === 'bar',
    fault: (vma: Vma, page: number): FaultBody =>
      suppliedFaultBody<Frame>(device, vma, wholeMapping ? [...Array(vma.pages).keys()] : [page], (each) =>
        effect(`fault of region ${own.index}`, [], () => frameOf(open, own, first + vma.backingPage + each)),
      ),
  }
}

function frameOf(open: OpenPciDevice, own: DeviceRegion, page: number): Frame | undefined {
  const answer = own.fault(page * PAGE_SIZE_BYTES)
  if (answer === undefined) return undefined
  if ('memory' in answer) return new MemoryFrame(answer.memory, answer.offset)
  return new BarFrame(open.hardware, answer.bar, answer.offset)
}
