/** Attributes of a physical function about its virtual ones. */
import { sriovInfo } from '@vfiokit/topology'
import { VfioError } from '@vfiokit/vfio-core'
import type { SysfsAttribute, SysfsFunction } from './attribute.ts'

/** By name. A function without SR-IOV has none of them. */
export const SRIOV_ATTRIBUTES: Readonly<Record<string, SysfsAttribute>> = {
  sriov_totalvfs: { read: ({ identity }) => sriovInfo(identity)?.totalVfs.toString() },
  sriov_offset: { read: ({ identity }) => sriovInfo(identity)?.firstVfOffset.toString() },
  sriov_stride: { read: ({ identity }) => sriovInfo(identity)?.vfStride.toString() },
  sriov_vf_device: { read: ({ identity }) => sriovInfo(identity)?.vfDeviceId.toString(16) },
  sriov_numvfs: {
    read: (fn) => (sriovInfo(fn.identity) === undefined ? undefined : existing(fn).toString()),
    write: setCount,
  },
}

/** Kernel: `sriov_numvfs_store`, up to the driver's part. */
function setCount(fn: SysfsFunction, value: string): void {
  const { bus, identity } = fn
  const count = Number(value.trim())
  if (!/^\+?(?:0[xX][0-9a-fA-F]+|\d+)$/.test(value.trim()) || count > 0xffff)
    throw new VfioError('EINVAL', 'unsupported', `"${value}" is no count of virtual functions`)
  if (count > sriovInfo(identity)!.totalVfs)
    throw new VfioError('ERANGE', 'bad-count', `${identity.bdf} has not ${count} virtual functions`)
  const now = existing(fn)
  if (count === now) return
  if (!bus.canConfigureSriov(identity.bdf))
    throw new VfioError('ENOENT', 'unsupported', `no driver of ${identity.bdf} makes virtual functions`)
  if (count > 0 && now > 0)
    throw new VfioError('EBUSY', 'bad-count', `${identity.bdf} has ${now} virtual functions already`)
  // The topology of a machine is fixed: its virtual functions are those that the source lists.
  throw new VfioError('EOPNOTSUPP', 'unsupported', `${identity.bdf} cannot change its functions here`)
}

function existing({ bus, identity }: SysfsFunction): number {
  return bus.topology.virtualFunctions(identity.bdf).length
}
