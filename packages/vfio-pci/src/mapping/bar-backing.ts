/** A mapping of a BAR: every page is known beforehand, and comes only while memory may be touched. */
import { type FaultBody, faultBody } from '@vfiokit/locking'
import type { BarIndex } from '@vfiokit/topology'
import { PAGE_SIZE_BYTES, type Vma, type VmaBacking } from '@vfiokit/vfio-core'
import type { OpenPciDevice } from '../open-pci-device.ts'
import { BarFrame } from './bar-frame.ts'

/** @param first - First page of the BAR that is mapped. */
export function barBacking({ device, hardware }: OpenPciDevice, bar: BarIndex, first: number): VmaBacking {
  const wholeMapping = device.strategy.populate === 'mapping'
  return {
    followsMemory: true,
    frame: (page) => new BarFrame(hardware, bar, (first + page) * PAGE_SIZE_BYTES),
    fault: (vma: Vma, page: number): FaultBody => faultBody(device, vma, wholeMapping ? 'all' : page),
  }
}
