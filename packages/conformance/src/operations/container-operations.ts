/** Groups and containers, and opening a device through them. */
import {
  CONTAINER_IOCTL,
  FILE_DESCRIPTOR,
  GROUP_FLAGS,
  GROUP_IOCTL,
  GROUP_STATUS,
  IOMMU_TYPE,
  VfioError,
} from '@vfiokit/vfio-core'
import { flagNames, NOTHING, type OperationCall, type OperationHandler } from '../script/handler.ts'
import { type Answer, Skipped, step } from '../script/outcome.ts'
import { numberOf, type OpenGroup, optionOf, type ScriptSession } from '../script/session.ts'

const CONTAINER_PATH = '/dev/vfio/vfio'

/** Operations by name. */
export const CONTAINER_OPERATIONS: Readonly<Record<string, OperationHandler>> = {
  open,
  getdev,
  close,
  'group-open': async ({ session, positional: [device] }) => {
    const number = groupOf(session, device!)
    const fd = await session.process.open(`/dev/vfio/${number}`)
    session.groups.set(number, { fd, isInContainer: false })
    return { result: { group: number } }
  },
  'group-open-again': async ({ session, positional: [device] }) => {
    const number = groupOf(session, device!)
    await session.process.close(await session.process.open(`/dev/vfio/${number}`))
    return { result: { group: number } }
  },
  'group-close': async ({ session, positional: [device] }) => {
    const { fd } = session.group(device!)
    session.groups.delete(groupOf(session, device!))
    await session.process.close(fd)
    return NOTHING
  },
  'group-status': groupStatus,
  'group-set-container': async ({ session, positional: [device], options }) => {
    const group = session.group(device!)
    const fd = optionOf(options, 'fd') ?? session.containerFd
    await setContainer(session, group, fd)
    return NOTHING
  },
  'group-unset-container': async ({ session, positional: [device] }) => {
    const group = session.group(device!)
    await session.process.ioctl(group.fd, GROUP_IOCTL.GROUP_UNSET_CONTAINER)
    group.isInContainer = false
    if (![...session.groups.values()].some(({ isInContainer }) => isInContainer)) session.hasIommuType = false
    return NOTHING
  },
  'container-open': async ({ session }) => {
    session.container = await session.process.open(CONTAINER_PATH)
    return NOTHING
  },
  'container-close': async ({ session }) => {
    if (session.container === undefined) throw new Skipped('no-container')
    const fd = session.container
    session.container = undefined
    session.hasIommuType = false
    await session.process.close(fd)
    return NOTHING
  },
  'set-iommu': async ({ session, positional: [type] }) => {
    await containerIoctl(session, CONTAINER_IOCTL.SET_IOMMU, numberOf(type!))
    session.hasIommuType = true
    return NOTHING
  },
  'api-version': async ({ session }) => ({
    result: { value: await containerIoctl(session, CONTAINER_IOCTL.GET_API_VERSION) },
  }),
  'check-ext': async ({ session, positional: [extension] }) => ({
    result: { value: await containerIoctl(session, CONTAINER_IOCTL.CHECK_EXTENSION, numberOf(extension!)) },
  }),
}

/** Opens the group and puts it into the container where that has not happened yet, then the device. */
async function open({ session, positional: [device], options }: OperationCall): Promise<Answer> {
  const number = groupOf(session, device!)
  const group = await joinContainer(session, number)
  const token = options.get('token')
  const name = token === undefined ? device! : `${device} vf_token=${token}`
  const fd = await step('VFIO_GROUP_GET_DEVICE_FD', () => getDevice(session, group, name))
  const handle = options.get('as') ?? device!
  session.addHandle(handle, { fd, device: device! })
  return { result: { handle, group: number } }
}

async function joinContainer(session: ScriptSession, number: number): Promise<OpenGroup> {
  session.container ??= await step('open-container', () => session.process.open(CONTAINER_PATH))
  let group = session.groups.get(number)
  if (group === undefined) {
    const fd = await step('open-group', () => session.process.open(`/dev/vfio/${number}`))
    group = { fd, isInContainer: false }
    session.groups.set(number, group)
  }
  const { containerFd } = session
  if (!group.isInContainer)
    await step('VFIO_GROUP_SET_CONTAINER', () => setContainer(session, group, containerFd))
  if (!session.hasIommuType) {
    await step('VFIO_SET_IOMMU', () => containerIoctl(session, CONTAINER_IOCTL.SET_IOMMU, IOMMU_TYPE.TYPE1V2))
    session.hasIommuType = true
  }
  return group
}

/** As the text of the ioctl says, `~` for a space. */
async function getdev({ session, positional: [device, text], options }: OperationCall): Promise<Answer> {
  const group = session.group(device!)
  const name = text!.replaceAll('~', ' ')
  const fd = await step('VFIO_GROUP_GET_DEVICE_FD', () => getDevice(session, group, name))
  const handle = options.get('as') ?? device!
  session.addHandle(handle, { fd, device: device! })
  return { result: { handle, group: groupOf(session, device!) } }
}

async function close({ session, positional: [name] }: OperationCall): Promise<Answer> {
  const { fd } = session.handle(name!)
  session.handles.delete(name!)
  await session.process.close(fd)
  return NOTHING
}

async function groupStatus({ session, positional: [device], options }: OperationCall): Promise<Answer> {
  const status = GROUP_STATUS.encode({ argsz: optionOf(options, 'argsz') ?? GROUP_STATUS.sizeBytes })
  await session.process.ioctl(session.group(device!).fd, GROUP_IOCTL.GROUP_GET_STATUS, status)
  return { result: { flags: flagNames(GROUP_STATUS.decode(status).flags, GROUP_FLAGS) } }
}

async function setContainer(session: ScriptSession, group: OpenGroup, fd: number): Promise<void> {
  await session.process.ioctl(group.fd, GROUP_IOCTL.GROUP_SET_CONTAINER, FILE_DESCRIPTOR.encode({ fd }))
  group.isInContainer = true
}

async function getDevice(session: ScriptSession, { fd }: OpenGroup, name: string): Promise<number> {
  return session.process.ioctl(fd, GROUP_IOCTL.GROUP_GET_DEVICE_FD, new TextEncoder().encode(`${name}\0`))
}

/** These take their argument by value. */
async function containerIoctl(session: ScriptSession, request: number, value = 0): Promise<number> {
  return session.process.ioctl(session.containerFd, request, FILE_DESCRIPTOR.encode({ fd: value }))
}

/** @throws VfioError ENOENT for a function without a group: its link is not there to be read. */
function groupOf(session: ScriptSession, device: string): number {
  const number = session.machine.facts.iommuGroup(device)
  if (number === undefined) throw new VfioError('ENOENT', 'no-device', `${device} has no iommu_group`)
  return number
}
