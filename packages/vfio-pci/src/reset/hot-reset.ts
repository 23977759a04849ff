/**
 * VFIO_DEVICE_PCI_HOT_RESET: resets a slot or bus for a user who owns everything on it.
 *
 * Kernel: `vfio_pci_ioctl_pci_hot_reset`, `vfio_pci_dev_set_hot_reset`.
 */
import {
  effect,
  type HotResetMember,
  hotReset,
  type Operation,
  Refused,
  type VfioErrno,
} from '@vfiokit/locking'
import {
  FILE_DESCRIPTOR,
  type Group,
  GroupFile,
  HOT_RESET,
  type IoctlCall,
  type IommufdFile,
  type VfioDevice,
  VfioError,
} from '@vfiokit/vfio-core'
import { argumentIn, requireBytes } from '../ioctl-argument.ts'
import type { PciBus } from '../pci-bus.ts'
import { powerUp } from '../power/power-state.ts'
import type { AffectedFunctions } from './affected-functions.ts'
import { disableDecoding, SavedState } from './saved-state.ts'

/** @throws VfioError as the kernel does, in the order of its checks. */
export function* hotResetByIoctl(bus: PciBus, device: VfioDevice, call: IoctlCall): Operation<number> {
  const { flags, count } = argumentIn(HOT_RESET, call.argument)
  const { profile } = bus.core
  if (flags !== 0) throw new VfioError('EINVAL', 'bad-flags', `flags 0x${flags.toString(16)}`)
  if (call.iommufd === undefined) {
    if (profile.hotResetCountFirst && count === 0) throw noGroups(device)
  } else if (count > 0)
    throw new VfioError('EINVAL', 'bad-count', `${device.id} was opened by its own node: no group is given`)
  const affected = bus.affectedBy(device)
  const owned =
    call.iommufd === undefined ? ownedByGroups(bus, device, affected, call) : ownedBy(call.iommufd)
  requireResettable(bus, device, affected, owned)
  const members = device.set.devices.map((member) => asMember(member, owned))
  const { locks } = bus
  const outcome = yield* hotReset(device.strategy, device.set, members, () =>
    locks.tryWith<VfioErrno | undefined>(locks.forBusReset(affected), () =>
      effect<VfioErrno | undefined>(
        `hot reset of ${device.set.id}`,
        [undefined],
        () => bus.resetBelow(affected),
        { kind: 'bus-reset', devices: device.set.devices },
      ),
    ),
  )
  if (Refused.is(outcome))
    throw new VfioError(
      outcome.errno,
      outcome.errno === 'EBUSY' ? 'contended' : 'group-not-owned',
      device.set.id,
    )
  yield* bus.migrationReset(affected)
  if (outcome !== undefined) throw new VfioError(outcome, 'reset-failed', device.set.id)
  return 0
}

/** Whether the caller owns a device. */
type Ownership = (device: VfioDevice) => boolean

/** Its own devices, and those of their groups. */
function ownedBy(iommufd: IommufdFile): Ownership {
  return (device) => iommufd.devidOf(device) !== undefined || iommufd.ownsGroup(device.group)
}

function ownedByGroups(
  bus: PciBus,
  device: VfioDevice,
  { functions }: AffectedFunctions,
  call: IoctlCall,
): Ownership {
  const { count } = HOT_RESET.decode(call.argument)
  if (count === 0) throw noGroups(device)
  if (count > functions.length)
    throw new VfioError('EINVAL', 'too-many-groups', `${count} groups for ${functions.length} functions`)
  const groups = givenGroups(bus, call, count)
  return ({ group }) => groups.has(group)
}

function noGroups(device: VfioDevice): VfioError {
  return new VfioError('EINVAL', 'bad-count', `hot reset of ${device.id} with no group`)
}

/**
 * The groups whose descriptors prove ownership. argsz need not cover the descriptors. Older kernels take
 * a group only while it can be used: with a container that has an IOMMU type, and viable.
 */
function givenGroups(
  { core }: Pick<PciBus, 'core'>,
  { argument, process }: IoctlCall,
  count: number,
): ReadonlySet<Group> {
  requireBytes(argument, HOT_RESET.sizeBytes + count * FILE_DESCRIPTOR.sizeBytes)
  const groups = new Set<Group>()
  for (let at = 0; at < count; at++) {
    const start = HOT_RESET.sizeBytes + at * FILE_DESCRIPTOR.sizeBytes
    const file = process.file(FILE_DESCRIPTOR.decode(argument, start).fd)
    if (!(file instanceof GroupFile))
      throw new VfioError('EINVAL', 'not-a-group', `${file.title} is no group`)
    const { group } = file
    if (!core.profile.hotResetByDeviceSet && (group.container?.iommuType === undefined || !group.isViable))
      throw new VfioError('EINVAL', 'no-container', `${file.title} cannot be used`)
    groups.add(group)
  }
  return groups
}

/** Every affected function must be a member of the set; older kernels look at the groups first. */
function requireResettable(
  bus: PciBus,
  device: VfioDevice,
  affected: AffectedFunctions,
  owns: Ownership,
): void {
  for (const bdf of affected.functions) {
    const member = bus.core.devices.get(bdf)
    if (!bus.core.profile.hotResetByDeviceSet && member !== undefined && !owns(member))
      throw new VfioError('EINVAL', 'group-not-owned', `group of ${bdf}`)
    if (member === undefined || member.set !== device.set)
      throw new VfioError('EINVAL', 'not-in-set', `${bdf} would be reset too and is not driven by vfio-pci`)
  }
}

function asMember(device: VfioDevice, owns: Ownership): HotResetMember {
  return {
    device,
    admit: () =>
      effect<VfioErrno | undefined>(`ownership of ${device.id}`, [undefined, 'EINVAL'], () =>
        owns(device) ? undefined : 'EINVAL',
      ),
  }
}

/**
 * The reset itself, with every function's state saved and put back around it. Functions under vfio that
 * are asleep are woken for it, and go back to sleep.
 */
export function resetBelow(
  bus: Pick<PciBus, 'machine' | 'driverAt'>,
  { bridge, functions }: AffectedFunctions,
): undefined {
  const all = functions.flatMap((bdf) => bus.machine.hardware(bdf) ?? [])
  const drivers = functions.flatMap((bdf) => bus.driverAt(bdf) ?? [])
  for (const driver of drivers) {
    driver.awakeForReset()
    if (driver.open !== undefined) driver.power.beforeReset()
  }
  for (const hardware of all) powerUp(hardware)
  const saved = all.map((hardware) => new SavedState(hardware))
  for (const hardware of all) disableDecoding(hardware)
  bus.machine.secondaryBusReset(bridge)
  for (const state of saved) state.restore()
  for (const driver of drivers) driver.afterReset()
}
