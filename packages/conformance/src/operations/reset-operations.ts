/** Function reset, and hot reset with what it is proven by. */
import {
  DEPENDENT_DEVICE,
  DEVICE_IOCTL,
  FILE_DESCRIPTOR,
  HOT_RESET,
  HOT_RESET_INFO,
  VfioError,
} from '@vfiokit/vfio-core'
import { flagNames, NOTHING, type OperationCall, type OperationHandler } from '../script/handler.ts'
import type { Answer } from '../script/outcome.ts'
import { BAD_FD, optionOf, type ScriptSession } from '../script/session.ts'

/** Operations by name. */
export const RESET_OPERATIONS: Readonly<Record<string, OperationHandler>> = {
  reset: async ({ session, positional: [name] }) => {
    await session.process.ioctl(session.handle(name!).fd, DEVICE_IOCTL.DEVICE_RESET)
    return NOTHING
  },
  'hot-reset-info': hotResetInfo,
  'hot-reset': hotReset,
}

/** `VFIO_PCI_HOT_RESET_FLAG_*` */
const INFO_FLAGS = { DEV_ID: 1, DEV_ID_OWNED: 2 } as const
/** Room for so many devices is offered when a script says nothing else. */
const DEVICES_OFFERED = 64
const BUFFER_BYTES = 4096

async function hotResetInfo({ session, positional: [name], options }: OperationCall): Promise<Answer> {
  const { fd } = session.handle(name!)
  const offered = HOT_RESET_INFO.sizeBytes + DEPENDENT_DEVICE.sizeBytes * DEVICES_OFFERED
  const argsz = optionOf(options, 'argsz') ?? offered
  const bytes = HOT_RESET_INFO.encode({ argsz, flags: optionOf(options, 'flags') ?? 0 }, BUFFER_BYTES)
  try {
    await session.process.ioctl(fd, DEVICE_IOCTL.DEVICE_GET_PCI_HOT_RESET_INFO, bytes)
  } catch (error) {
    if (!VfioError.is(error, 'ENOSPC')) throw error
    return { errno: error.errno, result: { count: HOT_RESET_INFO.decode(bytes).count } }
  }
  const { flags, count } = HOT_RESET_INFO.decode(bytes)
  const devices = Array.from({ length: count }, (_, at) => dependentDevice(bytes, at, flags))
  return { result: { flags: flagNames(flags, INFO_FLAGS), count, devices } }
}

function dependentDevice(bytes: Uint8Array, at: number, flags: number): Readonly<Record<string, unknown>> {
  const entry = DEPENDENT_DEVICE.decode(bytes, HOT_RESET_INFO.sizeBytes + at * DEPENDENT_DEVICE.sizeBytes)
  const bus = entry.bus_devfn & 0xff
  const devfn = entry.bus_devfn >> 8
  const bdf = `${hex(entry.segment, 4)}:${hex(bus, 2)}:${hex(devfn >> 3, 2)}.${devfn & 7}`
  const id = entry.group_id
  return (flags & INFO_FLAGS.DEV_ID) === 0 ? { bdf, group: id } : { bdf, devid: id | 0 }
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0')
}

async function hotReset({ session, draft, positional, options }: OperationCall): Promise<Answer> {
  const [name, , ...proofs] = positional
  const { fd } = session.handle(name!)
  const fds: number[] = []
  for (const proof of proofs) addProof(session, proof, fds)
  draft.nfds = fds.length
  const argsz = optionOf(options, 'argsz') ?? HOT_RESET.sizeBytes + fds.length * FILE_DESCRIPTOR.sizeBytes
  const count = optionOf(options, 'count') ?? fds.length
  const bytes = HOT_RESET.encode({ argsz, flags: optionOf(options, 'flags') ?? 0, count }, BUFFER_BYTES)
  for (const [at, group] of fds.entries())
    FILE_DESCRIPTOR.write(bytes, { fd: group }, HOT_RESET.sizeBytes + at * FILE_DESCRIPTOR.sizeBytes)
  await session.process.ioctl(fd, DEVICE_IOCTL.DEVICE_PCI_HOT_RESET, bytes)
  return NOTHING
}

/** Proofs that are no name of a handle, by what stands before the colon. */
const PROOFS: Readonly<Record<string, (session: ScriptSession, name: string) => readonly number[]>> = {
  none: () => [],
  badfd: () => [BAD_FD],
  container: (session) => [session.containerFd],
  devfd: (session, name) => [session.handles.get(name)?.fd ?? -1],
  group: (session, name) => [groupFd(session, name)],
  dup: (session, name) => [groupFd(session, session.handles.get(name)?.device ?? name)],
}

/** The groups of handles are named once each. */
function addProof(session: ScriptSession, proof: string, fds: number[]): void {
  const colon = proof.indexOf(':')
  const kind = PROOFS[colon < 0 ? proof : proof.slice(0, colon)]
  if (kind !== undefined) {
    fds.push(...kind(session, proof.slice(colon + 1)))
    return
  }
  const handle = session.handles.get(proof)
  const fd = handle === undefined ? -1 : groupFd(session, handle.device)
  if (!fds.includes(fd)) fds.push(fd)
}

function groupFd(session: ScriptSession, device: string): number {
  const number = session.machine.facts.iommuGroup(device)
  return (number === undefined ? undefined : session.groups.get(number)?.fd) ?? -1
}
