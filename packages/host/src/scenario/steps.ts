/** What each step of a scenario does: one operation a step, in the words of the ABI. */
import { type Operation, progress } from '@vfiokit/locking'
import { CAPABILITY_ID, findCapability } from '@vfiokit/topology'
import { type DeviceCalls, openDeviceIn, PCI_REGION, VfioError, type Vma } from '@vfiokit/vfio-core'
import type { StepArguments, StepDocument, StepName } from './scenario-schema.ts'
import { mapInto, type Stage } from './stage.ts'

/** Where a step runs. */
export interface StepContext {
  readonly stage: Stage
  readonly process: string
}

type StepRunner<K extends StepName> = (context: StepContext, args: StepArguments<K>) => Operation<void>

const COMMAND = { OFFSET: 4, MEMORY: 2 } as const
const POWER_STATES = ['D0', 'D1', 'D2', 'D3hot']
const PM_CONTROL = 4
const DEVICE_CONTROL = { OFFSET: 8, FLR: 0x8000 } as const

/** By name; the type says that none is missing. */
const RUNNERS: { readonly [K in StepName]: StepRunner<K> } = {
  *load({ stage, process }, { mapping, offset, width }) {
    yield* stage.processes.get(process)!.load(addressOf(stage, mapping) + offset, new Uint8Array(width))
  },

  *store({ stage, process }, { mapping, offset, width, value }) {
    const data = littleEndian(value, width)
    yield* stage.processes.get(process)!.store(addressOf(stage, mapping) + offset, data)
  },

  *read(context, { device, region, offset, length }) {
    yield* latest(context, device).read(region, offset, new Uint8Array(length))
  },

  *write(context, { device, region, offset, data }) {
    yield* latest(context, device).write(region, offset, Buffer.from(data, 'hex'))
  },

  *'set-memory'(context, { device, on }) {
    const command = yield* readConfig(context, device, COMMAND.OFFSET)
    const wanted = on ? command | COMMAND.MEMORY : command & ~COMMAND.MEMORY
    yield* writeConfig(context, device, COMMAND.OFFSET, wanted)
  },

  *power(context, { device, state }) {
    const control = capability(context, device, CAPABILITY_ID.powerManagement) + PM_CONTROL
    const now = yield* readConfig(context, device, control)
    yield* writeConfig(context, device, control, (now & ~3) | POWER_STATES.indexOf(state))
  },

  *flr(context, { device }) {
    const control = capability(context, device, CAPABILITY_ID.pciExpress) + DEVICE_CONTROL.OFFSET
    const now = yield* readConfig(context, device, control)
    yield* writeConfig(context, device, control, now | DEVICE_CONTROL.FLR)
  },

  *reset(context, { device }) {
    yield* latest(context, device).reset()
  },

  *'hot-reset'(context, { device, groups = [device], onBusy = 'give-up' }) {
    const fds = new Set(groups.map((each) => context.stage.groupFd(context.process, each)))
    for (;;) {
      try {
        yield* latest(context, device).hotReset([...fds])
        return yield* progress()
      } catch (error) {
        if (onBusy === 'give-up' || !VfioError.is(error, 'EBUSY')) throw error
      }
    }
  },

  *open({ stage, process }, { device }) {
    const calls = stage.processes.get(process)!
    const opened = yield* openDeviceIn(calls, stage.groupFd(process, device), stage.bdfs.get(device)!)
    stage.devices(process, device).push(opened)
  },

  *close({ stage, process }, { device }) {
    const open = stage.devices(process, device).pop()
    if (open === undefined) throw new VfioError('EBADF', 'bad-fd', `${process} has ${device} open no more`)
    yield* open.close()
  },

  *mmap({ stage }, { mapping }) {
    yield* mapInto(stage, mapping)
  },

  *munmap({ stage }, { mapping }) {
    const vma = existing(stage, mapping)
    yield* stage.processes.get(vma.process.id)!.munmap(vma.start, vma.end - vma.start)
  },
}

/** Runs one step, once. */
export function runStep(context: StepContext, step: StepDocument): Operation<void> {
  const [kind, args] = Object.entries(step).find(([key]) => key !== 'repeat')!
  return (RUNNERS[kind as StepName] as StepRunner<StepName>)(context, args as never)
}

function latest({ stage, process }: StepContext, device: string): DeviceCalls {
  const open = stage.devices(process, device).at(-1)
  if (open === undefined) throw new VfioError('EBADF', 'bad-fd', `${process} does not have ${device} open`)
  return open
}

function existing(stage: Stage, mapping: string): Vma {
  const vma = stage.vma(mapping)
  if (vma === undefined) throw new VfioError('EFAULT', 'bad-address', `${mapping} is not mapped now`)
  return vma
}

function addressOf(stage: Stage, mapping: string): number {
  return existing(stage, mapping).start
}

function capability({ stage }: StepContext, device: string, id: number): number {
  const bdf = stage.bdfs.get(device)!
  const found = findCapability(stage.host.topology.function(bdf)!, id)
  if (found !== undefined && found !== 'unknown') return found.offset
  throw new VfioError('EINVAL', 'unsupported', `${device} (${bdf}) has no capability 0x${id.toString(16)}`)
}

function* readConfig(context: StepContext, device: string, offset: number): Operation<number> {
  const bytes = new Uint8Array(2)
  yield* latest(context, device).read(PCI_REGION.CONFIG, offset, bytes)
  return bytes[0]! | (bytes[1]! << 8)
}

function* writeConfig(context: StepContext, device: string, offset: number, value: number): Operation<void> {
  yield* latest(context, device).write(PCI_REGION.CONFIG, offset, littleEndian(value, 2))
}

function littleEndian(value: number, widthBytes: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true)
  return bytes.subarray(0, widthBytes)
}
