/** VFIO_DEVICE_GET_PCI_HOT_RESET_INFO: what a hot reset would hit. */
import { Bdf } from '@vfiokit/topology'
import { DEPENDENT_DEVICE, HOT_RESET_INFO, type VfioDevice, VfioError } from '@vfiokit/vfio-core'
import { argumentIn, requireBytes } from '../ioctl-argument.ts'
import type { PciBus } from '../pci-bus.ts'

/** @throws VfioError EINVAL, ENODEV, ENOSPC (with `count` filled in), EPERM, as the kernel does. */
export function hotResetInfo(bus: PciBus, device: VfioDevice, argument: Uint8Array): number {
  const { argsz } = argumentIn(HOT_RESET_INFO, argument)
  const { functions } = bus.affectedBy(device)
  const count = functions.length
  const room = Math.floor((argsz - HOT_RESET_INFO.sizeBytes) / DEPENDENT_DEVICE.sizeBytes)
  if (room < count) {
    HOT_RESET_INFO.write(argument, { flags: 0, count })
    throw new VfioError('ENOSPC', 'argsz-too-small', `${count} functions, room for ${room}`)
  }
  const entries = functions.map((bdf) => dependentDevice(bus, bdf))
  requireBytes(argument, HOT_RESET_INFO.sizeBytes + count * DEPENDENT_DEVICE.sizeBytes)
  HOT_RESET_INFO.write(argument, { flags: 0, count })
  entries.forEach((entry, at) => {
    DEPENDENT_DEVICE.write(argument, entry, HOT_RESET_INFO.sizeBytes + at * DEPENDENT_DEVICE.sizeBytes)
  })
  return 0
}

function dependentDevice(bus: PciBus, bdf: Bdf) {
  const group_id = bus.topology.function(bdf)?.iommuGroup
  if (group_id === undefined) throw new VfioError('EPERM', 'group-not-owned', `${bdf} has no IOMMU group`)
  const parts = Bdf.parts(bdf)
  const bus_devfn = parts.bus | (((parts.device << 3) | parts.function) << 8)
  // The struct has 16 bits for the segment; a domain that is wider loses the rest there, as in the kernel.
  return { group_id, segment: parts.domain & 0xffff, bus_devfn }
}
