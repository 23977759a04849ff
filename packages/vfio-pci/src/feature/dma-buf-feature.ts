/** DMA_BUF: exports ranges of one BAR to other devices. Kernel: `vfio_pci_core_feature_dma_buf`. */
import type { BarResource } from '@vfiokit/hardware'
import type { BarIndex } from '@vfiokit/topology'
import {
  type DeviceFeature,
  DMA_BUF_GET,
  DMA_BUF_RANGE,
  DmaBuf,
  type DmaBufRange,
  type FeatureCall,
  PAGE_SIZE_BYTES,
  PCI_REGION,
  payloadIn,
  requireBytes,
  VfioError,
} from '@vfiokit/vfio-core'
import type { VfioPciDevice } from '../vfio-pci-device.ts'

const ADDRESS_END = 2n ** 64n

/** Every function has it; whether it works is a matter of its BARs. */
export function dmaBufFeature(driver: VfioPciDevice): DeviceFeature {
  return {
    payloadBytes: DMA_BUF_GET.sizeBytes,
    // biome-ignore lint/correctness/useYield: a feature is an operation, whether it waits or not
    *get(call) {
      const { device } = driver
      const { region, ranges } = requestIn(driver, call)
      const isRevoked = !device.cells.accessible.peek()
      return call.process.install(new DmaBuf(device.exports, region, ranges, isRevoked))
    },
  }
}

function requestIn({ device, open }: VfioPciDevice, call: FeatureCall) {
  const { region_index, flags, nr_ranges } = payloadIn(DMA_BUF_GET, call)
  if (nr_ranges === 0 || flags !== 0)
    throw new VfioError('EINVAL', 'bad-count', `${nr_ranges} ranges, flags 0x${flags.toString(16)}`)
  const end = DMA_BUF_GET.sizeBytes + nr_ranges * DMA_BUF_RANGE.sizeBytes
  requireBytes(call.payload, end)
  const ranges = Array.from({ length: nr_ranges }, (_, at) =>
    DMA_BUF_RANGE.decode(call.payload, DMA_BUF_GET.sizeBytes + at * DMA_BUF_RANGE.sizeBytes),
  )
  const resource = barAt(open, region_index)
  if (region_index >= PCI_REGION.ROM || resource === undefined)
    throw new VfioError('ENODEV', 'bad-index', `${device.id} has no BAR ${region_index}`)
  for (const range of ranges) refuseRange(resource, range)
  if (resource.kind === 'io')
    throw new VfioError('EINVAL', 'not-mappable', `BAR ${region_index} of ${device.id} is I/O`)
  return { region: region_index, ranges }
}

/** What stands in the place of a BAR is exported as far as it can be mapped. Kernel: `get_dmabuf_phys`. */
function barAt(open: VfioPciDevice['open'], index: number): BarResource | undefined {
  const own = open?.regionAt(index)
  if (own?.region.backing === undefined) return open?.resources.find(({ bar }) => bar === index)
  const { sizeBytes } = own
  return { bar: index as BarIndex, kind: 'memory', width: 64, prefetchable: true, start: 0n, sizeBytes }
}

function refuseRange({ bar, start, sizeBytes }: BarResource, { offset, length }: DmaBufRange): void {
  const page = BigInt(PAGE_SIZE_BYTES)
  if (length === 0n || offset % page !== 0n || length % page !== 0n)
    throw new VfioError('EINVAL', 'bad-alignment', `0x${offset.toString(16)} + ${length}, not in whole pages`)
  if (start + offset >= ADDRESS_END || start + offset + length > ADDRESS_END)
    throw new VfioError('EOVERFLOW', 'range-wraps', `0x${offset.toString(16)} + ${length}`)
  if (offset + length > BigInt(sizeBytes))
    throw new VfioError('EINVAL', 'bad-offset', `0x${offset.toString(16)} + ${length} leaves BAR ${bar}`)
}
