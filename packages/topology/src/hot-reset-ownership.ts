/**
 * Who may do a hot reset: everything that it hits must be owned by the one who asks, shown by group descriptors or, for
 * a device that was opened through its character device, by the iommufd that it is bound to.
 *
 * Kernel: `vfio_pci_ioctl_pci_hot_reset`, `vfio_iommufd_get_dev_id`.
 */
import type { Bdf } from './bdf.ts'
import { hotReset } from './hot-reset.ts'
import type { ResetDomainOptions } from './reset-domain.ts'
import type { Topology } from './topology.ts'

/** A function that is bound to an iommufd: which one, and the positive id that it has there. */
export interface IommufdBinding {
  readonly iommufd: string
  readonly devid: number
}

export interface HotResetOwnership {
  /**
   * By function, as VFIO_DEVICE_GET_PCI_HOT_RESET_INFO tells: the id in the caller's iommufd; 0 when the function is
   * not opened but its group is the caller's; -1 when it is not the caller's.
   */
  readonly devids: ReadonlyMap<Bdf, number>
  /** VFIO_PCI_HOT_RESET_FLAG_DEV_ID_OWNED. */
  readonly allOwned: boolean
}

/**
 * What the information about a hot reset says to a caller that opened the function through its character device.
 * Everything of the device set is taken as bound to a VFIO driver; what is outside it is nobody's.
 * @param bound every function that anybody has bound to an iommufd.
 * @throws RangeError when the topology has no such function.
 */
export function hotResetOwnership(
  topology: Topology,
  bdf: Bdf,
  iommufd: string,
  bound: ReadonlyMap<Bdf, IommufdBinding>,
  options: ResetDomainOptions = {},
): HotResetOwnership {
  const groups = new Set<number>()
  for (const [member, binding] of bound) {
    const group = topology.function(member)?.iommuGroup
    if (binding.iommufd === iommufd && group !== undefined) groups.add(group)
  }
  const { reported, deviceSet } = hotReset(topology, bdf, options)
  const members = new Set(deviceSet)
  const devid = (hit: Bdf): number => {
    if (!members.has(hit)) return NOT_OWNED
    const binding = bound.get(hit)
    if (binding !== undefined) return binding.iommufd === iommufd ? binding.devid : NOT_OWNED
    const group = topology.function(hit)?.iommuGroup
    return group !== undefined && groups.has(group) ? OWNED_BY_GROUP : NOT_OWNED
  }
  const devids = new Map(reported.map((hit) => [hit, devid(hit)]))
  return { devids, allOwned: [...devids.values()].every((id) => id !== NOT_OWNED) }
}

const NOT_OWNED = -1
const OWNED_BY_GROUP = 0

/** How the caller opened the function, and what it shows. */
export type HotResetProof =
  | { readonly opened: 'group'; readonly groups: readonly number[] }
  | {
      readonly opened: 'cdev'
      readonly iommufd: string
      readonly bound: ReadonlyMap<Bdf, IommufdBinding>
      /** Group descriptors that are given all the same. */
      readonly groups?: readonly number[]
    }

export interface HotResetRefusal {
  readonly errno: 'ENODEV' | 'EINVAL'
  readonly reason: string
}

/**
 * Why the kernel would refuse VFIO_DEVICE_PCI_HOT_RESET of a function; undefined when it would not.
 * @throws RangeError when the topology has no such function.
 */
export function hotResetRefusal(
  topology: Topology,
  bdf: Bdf,
  proof: HotResetProof,
  options: ResetDomainOptions = {},
): HotResetRefusal | undefined {
  const { reported, possible, reason } = hotReset(topology, bdf, options)
  if (reported.length === 0) return { errno: 'ENODEV', reason }
  const invalid = (why: string): HotResetRefusal => ({ errno: 'EINVAL', reason: why })
  const count = proof.groups?.length ?? 0
  if (proof.opened === 'cdev' && count > 0) {
    return invalid(
      'group descriptors are no proof for a function that was opened through its character device',
    )
  }
  if (proof.opened === 'group' && count === 0) return invalid('no group descriptor is given')
  if (count > reported.length) return invalid(`${count} groups for ${reported.length} functions`)
  if (!possible) return invalid(reason)
  const foreign = firstForeign(topology, bdf, proof, options)
  return foreign === undefined ? undefined : invalid(`${foreign} would be reset too and is not the caller's`)
}

function firstForeign(
  topology: Topology,
  bdf: Bdf,
  proof: HotResetProof,
  options: ResetDomainOptions,
): Bdf | undefined {
  if (proof.opened === 'cdev') {
    const { devids } = hotResetOwnership(topology, bdf, proof.iommufd, proof.bound, options)
    return [...devids].find(([, devid]) => devid === NOT_OWNED)?.[0]
  }
  const groups = new Set<number | undefined>(proof.groups)
  return hotReset(topology, bdf, options).reported.find(
    (hit) => !groups.has(topology.function(hit)?.iommuGroup),
  )
}
