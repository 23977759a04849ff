/** VFIO_DEVICE_GET_PCI_HOT_RESET_INFO: what a hot reset would hit. */
import { Bdf } from '@vfiokit/topology'
import { DEPENDENT_DEVICE, HOT_RESET_INFO, type VfioDevice, VfioError } from '@vfiokit/vfio-core'
import type { PciBus } from '../pci-bus.ts'
import { affectedFunctions } from './affected-functions.ts'

/** @throws VfioError EINVAL, ENODEV, ENOSPC (with `count` filled in), EPERM, as the kernel does. */
export function hotResetInfo(bus: PciBus, device: VfioDevice, argument: Uint8Array): number {
  const { argsz } = HOT_RESET_INFO.decode(argument)
  if (argsz < HOT_RESET_INFO.sizeBytes) throw new VfioError('EINVAL', 'argsz-too-small', `argsz ${argsz}`)
  const { functions } = affectedFunctions(bus.topology, device.id as Bdf)
  const room = Math.floor((argsz - HOT_RESET_INFO.sizeBytes) / DEPENDENT_DEVICE.sizeBytes)
  HOT_RESET_INFO.write(argument, { flags: 0, count: functions.length })
  if (room < functions.length)
    throw new VfioError('ENOSPC', 'argsz-too-small', `${functions.length} functions, room for ${room}`)
  functions.forEach((bdf, at) => {
    const group = bus.topology.function(bdf)?.iommuGroup
    if (group === undefined) throw new VfioError('EPERM', 'group-not-owned', `${bdf} has no IOMMU group`)
    const parts = Bdf.parts(bdf)
    const bus_devfn = parts.bus | (((parts.device << 3) | parts.function) << 8)
    const start = HOT_RESET_INFO.sizeBytes + at * DEPENDENT_DEVICE.sizeBytes
    DEPENDENT_DEVICE.write(argument, { group_id: group, segment: parts.domain & 0xffff, bus_devfn }, start)
  })
  return 0
}
