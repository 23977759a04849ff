/** Attributes of a physical function about its virtual ones. */
import { type Awaitable, acquire, effect, type Operation, release, runLive } from '@vfiokit/locking'
import { type Bdf, sriovInfo } from '@vfiokit/topology'
import { VfioError } from '@vfiokit/vfio-core'
import type { PciBus } from '@vfiokit/vfio-pci'
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

/** Kernel: `sriov_numvfs_store`. */
function setCount({ bus, identity }: SysfsFunction, value: string): Awaitable<void> {
  const count = Number(value.trim())
  if (!/^\+?(?:0[xX][0-9a-fA-F]+|\d+)$/.test(value.trim()) || count > 0xffff)
    throw new VfioError('EINVAL', 'unsupported', `"${value}" is no count of virtual functions`)
  if (count > sriovInfo(identity)!.totalVfs)
    throw new VfioError('ERANGE', 'bad-count', `${identity.bdf} has not ${count} virtual functions`)
  return runLive(setCountLocked(bus, identity.bdf, count))
}

/** Waits while somebody resets, binds or unbinds the physical function. */
function* setCountLocked(bus: PciBus, bdf: Bdf, count: number): Operation<void> {
  const lock = bus.locks.of(bdf)
  yield* acquire(lock)
  try {
    yield* effect<void>(`${count} virtual functions of ${bdf}`, [undefined], () =>
      changeCount(bus, bdf, count),
    )
  } finally {
    yield* release(lock)
  }
}

function changeCount(bus: PciBus, bdf: Bdf, count: number): Awaitable<void> {
  const now = bus.topology.virtualFunctions(bdf).length
  if (count === now) return
  if (!bus.canConfigureSriov(bdf))
    throw new VfioError('ENOENT', 'unsupported', `no driver of ${bdf} makes virtual functions`)
  if (count > 0 && now > 0)
    throw new VfioError('EBUSY', 'bad-count', `${bdf} has ${now} virtual functions already`)
  return bus.virtualFunctions.setCount(bdf, count)
}

function existing({ bus, identity }: SysfsFunction): number {
  return bus.topology.virtualFunctions(identity.bdf).length
}
