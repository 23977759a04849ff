/** VFIO_DEVICE_GET_PCI_HOT_RESET_INFO: what a hot reset would hit. */
import { Bdf } from '@vfiokit/topology'
import {
  DEPENDENT_DEVICE,
  HOT_RESET_INFO,
  type IoctlCall,
  type IommufdFile,
  type VfioDevice,
  VfioError,
} from '@vfiokit/vfio-core'
import { argumentIn, requireBytes } from '../ioctl-argument.ts'
import type { PciBus } from '../pci-bus.ts'

/** Flags of the answer. Kernel: `VFIO_PCI_HOT_RESET_FLAG_*`. */
const FLAGS = { DEV_ID: 1, DEV_ID_OWNED: 2 } as const
/** Ids that are no number of a device. */
const [OWNED, NOT_OWNED] = [0, -1]

/** @throws VfioError EINVAL, ENODEV, ENOSPC (with `count` filled in), EPERM, as the kernel does. */
export function hotResetInfo(bus: PciBus, device: VfioDevice, { argument, iommufd }: IoctlCall): number {
  const { argsz } = argumentIn(HOT_RESET_INFO, argument)
  const { functions } = bus.affectedBy(device)
  const count = functions.length
  const room = Math.floor((argsz - HOT_RESET_INFO.sizeBytes) / DEPENDENT_DEVICE.sizeBytes)
  if (room < count) {
    HOT_RESET_INFO.write(argument, { flags: 0, count })
    throw new VfioError('ENOSPC', 'argsz-too-small', `${count} functions, room for ${room}`)
  }
  const ids = functions.map((bdf) =>
    iommufd === undefined ? groupOf(bus, bdf) : idOf(bus.core.devices.get(bdf), device, iommufd),
  )
  const entries = functions.map((bdf, at) => ({ group_id: ids[at]! >>> 0, ...placeOf(bdf) }))
  requireBytes(argument, HOT_RESET_INFO.sizeBytes + count * DEPENDENT_DEVICE.sizeBytes)
  const owned = ids.includes(NOT_OWNED) ? 0 : FLAGS.DEV_ID_OWNED
  HOT_RESET_INFO.write(argument, { flags: iommufd === undefined ? 0 : FLAGS.DEV_ID | owned, count })
  entries.forEach((entry, at) => {
    DEPENDENT_DEVICE.write(argument, entry, HOT_RESET_INFO.sizeBytes + at * DEPENDENT_DEVICE.sizeBytes)
  })
  return 0
}

function placeOf(bdf: Bdf) {
  const parts = Bdf.parts(bdf)
  const bus_devfn = parts.bus | (((parts.device << 3) | parts.function) << 8)
  // The struct has 16 bits for the segment; a domain that is wider loses the rest there, as in the kernel.
  return { segment: parts.domain & 0xffff, bus_devfn }
}

function groupOf(bus: PciBus, bdf: Bdf): number {
  const number = bus.topology.function(bdf)?.iommuGroup
  if (number === undefined) throw new VfioError('EPERM', 'group-not-owned', `${bdf} has no IOMMU group`)
  return number
}

/** What stands for a function when devices are named by iommufd. Kernel: `vfio_iommufd_get_dev_id`. */
function idOf(member: VfioDevice | undefined, asked: VfioDevice, iommufd: IommufdFile): number {
  if (member === undefined || member.set !== asked.set) return NOT_OWNED
  return iommufd.devidOf(member) ?? (iommufd.ownsGroup(member.group) ? OWNED : NOT_OWNED)
}
