/** An open group: the way from a group number to device files. Kernel: `drivers/vfio/group.c`. */
import { acquire, type Operation, openDevice, release, type VfioErrno } from '@vfiokit/locking'
import { ContainerFile } from './container-file.ts'
import type { IoctlCall } from './device-driver.ts'
import { parseDeviceRequest, requestedName } from './device-request.ts'
import type { Group } from './group.ts'
import { GroupDeviceFile } from './group-device-file.ts'
import { stringIn, structIn } from './ioctl-argument.ts'
import type { KernelProfile } from './kernel-profile.ts'
import type { Process } from './mm/process.ts'
import { OpenFile, unknownIoctl } from './open-file.ts'
import { FILE_DESCRIPTOR, GROUP_FLAGS, GROUP_IOCTL, GROUP_STATUS } from './uapi/index.ts'
import type { VfioDevice } from './vfio-device.ts'
import { VfioError } from './vfio-error.ts'

/** What opening `/dev/vfio/<number>` gives. */
export class GroupFile extends OpenFile {
  readonly title: string

  constructor(
    readonly group: Group,
    readonly profile: KernelProfile,
  ) {
    super()
    this.title = `group ${group.number}`
  }

  override *ioctl(call: IoctlCall): Operation<number> {
    const handler = HANDLERS.get(call.request)
    if (handler === undefined) throw unknownIoctl(this.title, call.request)
    yield* acquire(this.group.lock)
    try {
      return yield* handler(this, call)
    } finally {
      yield* release(this.group.lock)
    }
  }

  /** Devices that are open keep the group file, so none is left. */
  protected override *release(): Operation<void> {
    yield* acquire(this.group.lock)
    try {
      detachContainer(this.group)
      this.group.opened = undefined
    } finally {
      yield* release(this.group.lock)
    }
  }
}

type Handler = (file: GroupFile, call: IoctlCall) => Operation<number>

const HANDLERS: ReadonlyMap<number, Handler> = new Map<number, Handler>([
  [GROUP_IOCTL.GROUP_GET_STATUS, getStatus],
  [GROUP_IOCTL.GROUP_SET_CONTAINER, setContainer],
  [GROUP_IOCTL.GROUP_UNSET_CONTAINER, unsetContainer],
  [GROUP_IOCTL.GROUP_GET_DEVICE_FD, getDeviceFd],
])

// biome-ignore lint/correctness/useYield: a handler is an operation, whether it waits or not
function* getStatus({ group }: GroupFile, { argument }: IoctlCall): Operation<number> {
  const { argsz } = structIn(GROUP_STATUS, argument)
  if (argsz < GROUP_STATUS.sizeBytes)
    throw new VfioError('EINVAL', 'argsz-too-small', `vfio_group_status has 8 bytes, not ${argsz}`)
  const viable = group.isViable ? GROUP_FLAGS.VIABLE : 0
  const claimed = group.container === undefined ? 0 : GROUP_FLAGS.CONTAINER_SET
  GROUP_STATUS.write(argument, { flags: viable | claimed })
  return 0
}

// biome-ignore lint/correctness/useYield: a handler is an operation, whether it waits or not
function* setContainer({ group, profile }: GroupFile, call: IoctlCall): Operation<number> {
  if (profile.groupStateFirst) refuseSecondContainer(group)
  const file = call.process.file(structIn(FILE_DESCRIPTOR, call.argument).fd)
  refuseSecondContainer(group)
  if (!(file instanceof ContainerFile))
    throw new VfioError(profile.setContainerWrongFile, 'not-a-container', `${file.title} is no container`)
  const foreign = group.foreignDriver()
  if (foreign !== undefined && profile.setContainerNotViable !== undefined)
    throw new VfioError(profile.setContainerNotViable, 'group-not-viable', foreign)
  group.container = file
  file.groups.add(group)
  return 0
}

function refuseSecondContainer(group: Group): void {
  if (group.container !== undefined)
    throw new VfioError('EINVAL', 'has-container', `group ${group.number} has a container already`)
}

// biome-ignore lint/correctness/useYield: a handler is an operation, whether it waits or not
function* unsetContainer({ group }: GroupFile): Operation<number> {
  if (group.container === undefined)
    throw new VfioError('EINVAL', 'no-container', `group ${group.number} has no container`)
  for (const device of group.devices.values())
    if (device.cells.openCount.peek() > 0) throw new VfioError('EBUSY', 'group-busy', `${device.id} is open`)
  detachContainer(group)
  return 0
}

function detachContainer(group: Group): void {
  group.container?.detach(group)
  group.container = undefined
}

function* getDeviceFd(file: GroupFile, { process, argument }: IoctlCall): Operation<number> {
  const { group, profile } = file
  const text = stringIn(argument)
  if (profile.groupStateFirst) refuseUnusable(group)
  const device = deviceOf(group, text)
  refuseUnusable(group)
  return yield* openIn(file, device, process)
}

/** Nothing of a group can be opened before it has a container with an IOMMU and belongs to vfio alone. */
function refuseUnusable(group: Group): void {
  if (group.container?.iommuType === undefined)
    throw new VfioError('EINVAL', 'no-container', `group ${group.number} has no container with an IOMMU type`)
  const foreign = group.foreignDriver()
  if (foreign !== undefined) throw new VfioError('EINVAL', 'group-not-viable', foreign)
}

/** Kernel: `vfio_device_get_from_name`. */
function deviceOf(group: Group, text: string): VfioDevice {
  const name = requestedName(text)
  const device = group.devices.get(name)
  if (device === undefined || device.lifecycle.isGoingAway)
    throw new VfioError('ENODEV', 'no-device', `group ${group.number} has no device "${name}"`)
  const { vfToken } = parseDeviceRequest(text)
  const { driver } = device
  const errno = driver.admitToken === undefined ? refusedToken(vfToken) : driver.admitToken(vfToken)
  if (errno !== undefined) throw new VfioError(errno, 'bad-token', `${name}, with the vf_token ${vfToken}`)
  return device
}

function refusedToken(shown: string | undefined): VfioErrno | undefined {
  return shown === undefined ? undefined : 'EINVAL'
}

function* openIn(file: GroupFile, device: VfioDevice, process: Process): Operation<number> {
  const errno = yield* openDevice(device.strategy, device, function* () {
    // It may have gone while the set was waited for.
    if (device.lifecycle.isGoingAway) return 'ENODEV'
    const failed = yield* device.driver.enable()
    if (failed === undefined) device.lifecycle.handle('open')
    return failed
  })
  if (errno !== undefined) throw new VfioError(errno, 'open-failed', `${device.id} could not be enabled`)
  return process.install(new GroupDeviceFile(device, file))
}
