/** VFIO_DEVICE_GET_REGION_INFO. Kernel: `vfio_pci_ioctl_get_region_info`. */
import type { Operation } from '@vfiokit/locking'
import {
  chainBytes,
  type InfoCapability,
  PCI_REGION,
  REGION_CAPS,
  REGION_FLAGS,
  REGION_INFO,
  VfioError,
  writeChain,
} from '@vfiokit/vfio-core'
import { argumentIn, requireBytes } from '../ioctl-argument.ts'
import { isMappable } from '../mapping/map-admission.ts'
import type { OpenPciDevice } from '../open-pci-device.ts'
import { romRegionBytes } from './rom-access.ts'
import { hasVga, VGA_REGION_BYTES } from './vga-access.ts'

/** What a region is, before it is put into a struct. */
interface RegionDescription {
  readonly sizeBytes: number
  /** READ, WRITE, MMAP; CAPS is added when there are capabilities. */
  readonly flags: number
  readonly capabilities: readonly InfoCapability[]
}

const READ_WRITE = REGION_FLAGS.READ | REGION_FLAGS.WRITE
const NOTHING: RegionDescription = { sizeBytes: 0, flags: 0, capabilities: [] }
const REGION_SPAN = 2n ** 40n

/** Describes one region. @throws VfioError EINVAL for an index that the device does not have. */
function* describeRegion(open: OpenPciDevice, index: number): Operation<RegionDescription> {
  const own = open.regionAt(index)
  if (own !== undefined)
    return { sizeBytes: own.sizeBytes, flags: own.flags, capabilities: own.capabilities() }
  if (index <= PCI_REGION.BAR5) return describeBar(open, index)
  if (index === PCI_REGION.ROM) return yield* describeRom(open)
  if (index === PCI_REGION.CONFIG)
    return { sizeBytes: open.config.sizeBytes, flags: READ_WRITE, capabilities: [] }
  if (index === PCI_REGION.VGA && hasVga(open.hardware))
    return { sizeBytes: VGA_REGION_BYTES, flags: READ_WRITE, capabilities: [] }
  throw new VfioError('EINVAL', 'bad-index', `${open.device.id} has no region ${index}`)
}

/** Fills the caller's struct; capabilities only if they fit. */
export function* regionInfo(open: OpenPciDevice, argument: Uint8Array): Operation<number> {
  const { argsz, index } = argumentIn(REGION_INFO, argument)
  const { sizeBytes, flags, capabilities } = yield* describeRegion(open, index)
  const size = BigInt(sizeBytes)
  const offset = BigInt(index) * REGION_SPAN
  if (capabilities.length === 0) {
    REGION_INFO.write(argument, { flags, size, offset, cap_offset: 0 })
    return 0
  }
  const all = { flags: flags | REGION_FLAGS.CAPS, size, offset }
  const needed = REGION_INFO.sizeBytes + chainBytes(capabilities)
  if (argsz < needed) {
    REGION_INFO.write(argument, { ...all, argsz: needed, cap_offset: 0 })
    return 0
  }
  requireBytes(argument, needed)
  const cap_offset = writeChain(argument, REGION_INFO.sizeBytes, capabilities)
  REGION_INFO.write(argument, { ...all, cap_offset })
  return 0
}

function describeBar(open: OpenPciDevice, index: number): RegionDescription {
  const resource = open.resources.find(({ bar }) => bar === index)
  if (resource === undefined) return NOTHING
  const mappable = isMappable(resource)
  const holdsMsix = mappable && open.msixTable?.bar === index
  const msix: InfoCapability = { id: REGION_CAPS.MSIX_MAPPABLE, version: 1, body: new Uint8Array(0) }
  return {
    sizeBytes: resource.sizeBytes,
    flags: READ_WRITE | (mappable ? REGION_FLAGS.MMAP : 0),
    capabilities: holdsMsix ? [msix] : [],
  }
}

function* describeRom(open: OpenPciDevice): Operation<RegionDescription> {
  const sizeBytes = yield* romRegionBytes(open)
  return sizeBytes === 0 ? NOTHING : { sizeBytes, flags: REGION_FLAGS.READ, capabilities: [] }
}
