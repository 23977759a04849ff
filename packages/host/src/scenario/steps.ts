/** What each step of a scenario does: one operation a step, in the words of the ABI. */
import type { Operation } from '@vfiokit/locking'
import { CAPABILITY_ID, findCapability } from '@vfiokit/topology'
import { openDeviceIn, PCI_REGION, VfioSignal } from '@vfiokit/vfio-core'
import { MIGRATION_RUNNERS } from './migration-steps.ts'
import type { StepArguments, StepDocument, StepName } from './scenario-schema.ts'
import { mapInto, type Stage } from './stage.ts'
import type { StepContext, StepRunner } from './step-runner.ts'

const COMMAND = { OFFSET: 4, MEMORY: 2 } as const
const POWER_STATES = ['D0', 'D1', 'D2', 'D3hot']
const PM_CONTROL = 4
const DEVICE_CONTROL = { OFFSET: 8, FLR: 0x8000 } as const

const ofDevice = ({ device }: { readonly device: string }): string => device
const ofMapping = ({ mapping }: { readonly mapping: string }): string => mapping
const ofPlace = ({ mapping, offset }: { readonly mapping: string; readonly offset: number }): string =>
  `${mapping}+0x${offset.toString(16)}`
const ofRegion = ({ device, region }: { readonly device: string; readonly region: number }): string =>
  `${device} region ${region}`

/** Registers of a capability that a step writes; without it no guest would try. */
const NEEDED: Readonly<Partial<Record<StepName, { readonly id: number; readonly name: string }>>> = {
  power: { id: CAPABILITY_ID.powerManagement, name: 'Power Management' },
  flr: { id: CAPABILITY_ID.pciExpress, name: 'PCI Express' },
}

/** By name; the type says that none is missing. */
const RUNNERS: { readonly [K in StepName]: StepRunner<StepArguments<K>> } = {
  load: {
    *run({ stage, process }, { mapping, offset, width }) {
      yield* stage.processes.get(process)!.load(addressOf(stage, mapping) + offset, new Uint8Array(width))
    },
    describe: ofPlace,
  },
  store: {
    *run({ stage, process }, { mapping, offset, width, value }) {
      const data = littleEndian(value, width)
      yield* stage.processes.get(process)!.store(addressOf(stage, mapping) + offset, data)
    },
    describe: ofPlace,
  },
  read: {
    *run(context, { device, region, offset, length, show }) {
      const bytes = Buffer.alloc(length)
      const count = yield* context.stage.latest(context.process, device).read(region, offset, bytes)
      return show === true ? bytes.toString('hex', 0, count) : undefined
    },
    describe: ofRegion,
  },
  write: {
    *run(context, { device, region, offset, data }) {
      yield* context.stage.latest(context.process, device).write(region, offset, Buffer.from(data, 'hex'))
    },
    describe: ofRegion,
  },
  'set-memory': {
    *run(context, { device, on }) {
      const command = yield* readConfig(context, device, COMMAND.OFFSET)
      const wanted = on ? command | COMMAND.MEMORY : command & ~COMMAND.MEMORY
      yield* writeConfig(context, device, COMMAND.OFFSET, wanted)
    },
    describe: ({ device, on }) => `${device} ${on ? 'on' : 'off'}`,
  },
  power: {
    *run(context, { device, state }) {
      const control = capabilityOffset(context.stage, device, 'power')! + PM_CONTROL
      const now = yield* readConfig(context, device, control)
      yield* writeConfig(context, device, control, (now & ~3) | POWER_STATES.indexOf(state))
    },
    describe: ({ device, state }) => `${device} ${state}`,
  },
  flr: {
    *run(context, { device }) {
      const control = capabilityOffset(context.stage, device, 'flr')! + DEVICE_CONTROL.OFFSET
      const now = yield* readConfig(context, device, control)
      yield* writeConfig(context, device, control, now | DEVICE_CONTROL.FLR)
    },
    describe: ofDevice,
  },
  reset: {
    run: (context, { device }) => context.stage.latest(context.process, device).reset(),
    describe: ofDevice,
  },
  'hot-reset': {
    *run(context, { device, groups = [device] }) {
      const fds = new Set(groups.map((each) => context.stage.groupFd(context.process, each)))
      yield* context.stage.latest(context.process, device).hotReset([...fds])
    },
    describe: ({ device, onBusy }) => (onBusy === 'retry' ? `${device}, again while EBUSY` : device),
  },
  open: {
    *run({ stage, process }, { device }) {
      const calls = stage.processes.get(process)!
      const opened = yield* openDeviceIn(calls, stage.groupFd(process, device), stage.bdfs.get(device)!)
      stage.devices(process, device).push(opened)
    },
    describe: ofDevice,
  },
  close: {
    *run({ stage, process }, { device }) {
      const open = stage.latest(process, device)
      stage.devices(process, device).pop()
      yield* open.close()
    },
    describe: ofDevice,
  },
  mmap: {
    run: ({ stage }, { mapping }) => mapInto(stage, mapping),
    describe: ofMapping,
  },
  munmap: {
    *run({ stage, process }, { mapping }) {
      const { length } = stage.mappings.get(mapping)!
      yield* stage.processes.get(process)!.munmap(addressOf(stage, mapping), length)
    },
    describe: ofMapping,
  },
  fork: {
    run: ({ stage, process }, { into }) => stage.fork(process, into),
    describe: ({ into }) => `into ${into}`,
  },
  ...MIGRATION_RUNNERS,
}

/** A step as its one key says: `{load: {...}, repeat: 2}` is a load. */
export function stepOf(step: StepDocument): readonly [StepName, StepArguments<StepName>] {
  const [kind, args] = Object.entries(step).find(([key]) => key !== 'repeat')!
  return [kind as StepName, args as StepArguments<StepName>]
}

/** Runs one step, once. @returns what it came to, if there is anything to say. */
export function* runStep(context: StepContext, step: StepDocument): Operation<string | undefined> {
  const [kind, args] = stepOf(step)
  return (yield* (RUNNERS[kind] as StepRunner<StepArguments<StepName>>).run(context, args)) ?? undefined
}

/** Name of the capability that a step needs and its device does not have. */
export function missingCapability(stage: Stage, step: StepDocument): string | undefined {
  const [kind, args] = stepOf(step)
  const needed = NEEDED[kind]
  if (needed === undefined || !('device' in args)) return undefined
  return capabilityOffset(stage, args.device, kind) === undefined ? needed.name : undefined
}

/** A step in words: `load nvme-bar+0x1000`. */
export function describeStep(step: StepDocument): string {
  const [kind, args] = stepOf(step)
  return `${kind} ${(RUNNERS[kind] as StepRunner<StepArguments<StepName>>).describe(args)}`
}

/** Also of a mapping that was unmapped: what happens to who goes there is for the process to find out. */
function addressOf({ addresses }: Stage, mapping: string): number {
  const address = addresses.get(mapping)
  if (address === undefined) throw new VfioSignal('SIGSEGV', 1, `${mapping} was not mapped yet`)
  return address
}

function capabilityOffset({ host, bdfs }: Stage, device: string, kind: StepName): number | undefined {
  const found = findCapability(host.topology.function(bdfs.get(device)!)!, NEEDED[kind]!.id)
  return found === undefined || found === 'unknown' ? undefined : found.offset
}

function* readConfig(context: StepContext, device: string, offset: number): Operation<number> {
  const bytes = new Uint8Array(2)
  yield* context.stage.latest(context.process, device).read(PCI_REGION.CONFIG, offset, bytes)
  return bytes[0]! | (bytes[1]! << 8)
}

function* writeConfig(context: StepContext, device: string, offset: number, value: number): Operation<void> {
  yield* context.stage
    .latest(context.process, device)
    .write(PCI_REGION.CONFIG, offset, littleEndian(value, 2))
}

function littleEndian(value: number | bigint, widthBytes: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true)
  return bytes.subarray(0, widthBytes)
}
