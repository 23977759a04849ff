/** An open group: the way from a group number to device files. Kernel: `drivers/vfio/group.c`. */
import { acquire, type Operation, openDevice, release } from '@vfiokit/locking'
import { ContainerFile } from './container-file.ts'
import type { IoctlCall } from './device-driver.ts'
import { DeviceFile } from './device-file.ts'
import type { Group } from './group.ts'
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

  protected override *release(): Operation<void> {
    yield* acquire(this.group.lock)
    this.group.container?.detach(this.group)
    this.group.container = undefined
    this.group.opened = undefined
    yield* release(this.group.lock)
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
  if (GROUP_STATUS.decode(argument).argsz < GROUP_STATUS.sizeBytes)
    throw new VfioError('EINVAL', 'argsz-too-small', 'vfio_group_status has 8 bytes')
  const claimed = group.container !== undefined
  const viable = claimed || group.isViable
  const flags = (viable ? GROUP_FLAGS.VIABLE : 0) | (claimed ? GROUP_FLAGS.CONTAINER_SET : 0)
  GROUP_STATUS.write(argument, { flags })
  return 0
}

// biome-ignore lint/correctness/useYield: a handler is an operation, whether it waits or not
function* setContainer({ group, profile }: GroupFile, call: IoctlCall): Operation<number> {
  if (group.container !== undefined)
    throw new VfioError('EINVAL', 'no-container', `group ${group.number} has a container already`)
  const file = call.process.file(FILE_DESCRIPTOR.decode(call.argument).fd)
  if (!(file instanceof ContainerFile))
    throw new VfioError(profile.setContainerWrongFile, 'not-a-container', `${file.title} is no container`)
  const foreign = group.foreignDriver()
  if (foreign !== undefined && profile.setContainerNotViable !== undefined)
    throw new VfioError(profile.setContainerNotViable, 'group-not-viable', foreign)
  group.container = file
  file.groups.add(group)
  return 0
}

// biome-ignore lint/correctness/useYield: a handler is an operation, whether it waits or not
function* unsetContainer({ group }: GroupFile): Operation<number> {
  if (group.container === undefined)
    throw new VfioError('EINVAL', 'no-container', `group ${group.number} has no container`)
  for (const device of group.devices.values())
    if (device.cells.openCount.peek() > 0) throw new VfioError('EBUSY', 'group-busy', `${device.id} is open`)
  group.container.detach(group)
  group.container = undefined
  return 0
}

function* getDeviceFd(file: GroupFile, { process, argument }: IoctlCall): Operation<number> {
  const { group } = file
  if (group.container?.iommuType === undefined)
    throw new VfioError('EINVAL', 'no-container', `group ${group.number} has no container with an IOMMU type`)
  const foreign = group.foreignDriver()
  if (foreign !== undefined) throw new VfioError('EINVAL', 'group-not-viable', foreign)
  const name = cString(argument)
  const device = group.devices.get(name)
  if (device === undefined || device.lifecycle.isGoingAway)
    throw new VfioError('ENODEV', 'no-device', `group ${group.number} has no device "${name}"`)
  return yield* openIn(file, device, process)
}

function* openIn(file: GroupFile, device: VfioDevice, process: Process): Operation<number> {
  const errno = yield* openDevice(device.strategy, device, function* () {
    const failed = yield* device.driver.enable()
    if (failed === undefined) device.lifecycle.handle('open')
    return failed
  })
  if (errno !== undefined) throw new VfioError(errno, 'no-device', `${device.id} could not be enabled`)
  return process.install(new DeviceFile(device, file))
}

function cString(bytes: Uint8Array): string {
  const end = bytes.indexOf(0)
  return new TextDecoder().decode(end < 0 ? bytes : bytes.subarray(0, end))
}
