/** A scenario as a model: its devices, processes, mappings, and the steps of its tasks. */
import { INVARIANTS, type InvariantId, type ModelSpec, type StepSpec, type TaskSpec } from '@vfiokit/explorer'
import {
  type Complaint,
  ConfigError,
  complainPlainly,
  isChecked,
  type Scenario,
  type ScenarioDocument,
  type StepArguments,
} from '@vfiokit/host/files'

type StepDocument = ScenarioDocument['tasks'][number]['do'][number]
type Arguments = Exclude<StepDocument[keyof StepDocument], number | undefined>

const BAR_COUNT = 6

const touch = ({ mapping }: { readonly mapping: string }): StepSpec => ({ do: 'touch', mapping })
const access = ({ device, region }: { readonly device: string; readonly region: number }) =>
  region < BAR_COUNT ? ({ do: 'access', device } as const) : undefined

/** Which step of the model a step of the file is. What is not here, or gives nothing, is refused. */
const STEPS: { readonly [kind: string]: (args: never) => StepSpec | undefined } = {
  load: touch,
  store: touch,
  read: access,
  write: access,
  'set-memory': ({ device, on }: { device: string; on: boolean }) => ({ do: 'set-memory', device, on }),
  power: ({ device, state }: { device: string; state: 'D0' | 'D1' | 'D2' | 'D3hot' }) => ({
    do: 'power',
    device,
    state,
  }),
  flr: ({ device }: { device: string }) => ({ do: 'reset', device }),
  reset: ({ device }: { device: string }) => ({ do: 'reset', device }),
  'hot-reset': ({ onBusy = 'give-up' }: { onBusy?: 'give-up' | 'retry' | 'fail' }) => ({
    do: 'hot-reset',
    onBusy,
  }),
  open: ({ device }: { device: string }) => ({ do: 'open', device }),
  close: ({ device }: { device: string }) => ({ do: 'close', device }),
  mmap: ({ mapping }: { mapping: string }) => ({ do: 'mmap', mapping }),
  munmap: ({ mapping }: { mapping: string }) => ({ do: 'munmap', mapping }),
  fork: ({ into }: { into: string }) => ({ do: 'fork', into }),
}

/** @throws ConfigError naming every step that there is no protocol for. */
export function modelOf({ document, complain = complainPlainly }: Scenario): ModelSpec {
  const defects = document.tasks.flatMap((task, at) =>
    task.do.flatMap((step, index) => {
      const complaint = complaintOf(step, document)
      return complaint === undefined ? [] : complain(['tasks', at, 'do', index, stepOf(step)[0]], complaint)
    }),
  )
  if (defects.length > 0) throw new ConfigError(defects)
  const invariants = (Object.keys(INVARIANTS) as InvariantId[]).filter((id) => isChecked(document, id))
  return {
    invariants,
    devices: Object.keys(document.devices),
    processes: document.processes,
    mappings: Object.entries(document.mappings ?? {}).map(
      ([name, { process, device, region, later, copyOf }]) => ({
        name,
        device,
        process,
        followsMemory: region < BAR_COUNT,
        later: later === true,
        ...(copyOf === undefined ? {} : { copyOf }),
      }),
    ),
    tasks: document.tasks.map(taskOf),
  }
}

/** What is wrong with a step, if there is no protocol for what it says. */
function complaintOf(step: StepDocument, { devices }: ScenarioDocument): Complaint | undefined {
  const [kind, args] = stepOf(step)
  if (STEPS[kind]?.(args as never) === undefined) {
    const message = 'there is no protocol for this step'
    return { code: 'step-not-explored', message, expected: Object.keys(STEPS).join(', ') }
  }
  if (kind !== 'hot-reset') return undefined
  const { device, groups = [device] } = args as StepArguments<'hot-reset'>
  if (Object.keys(devices).every((name) => groups.includes(name))) return undefined
  const message = 'only a hot reset by who owns every device of the slot is modelled'
  const expected = `groups: [${Object.keys(devices).join(', ')}]`
  return { code: 'groups-not-explored', message, expected, found: `[${groups.join(', ')}]` }
}

function taskOf({ name, count = 1, do: steps }: ScenarioDocument['tasks'][number]): TaskSpec {
  return {
    name,
    count,
    steps: steps.flatMap((step) => {
      const [kind, args] = stepOf(step)
      const one = STEPS[kind]!(args as never)!
      return Array.from({ length: step.repeat ?? 1 }, () => one)
    }),
  }
}

function stepOf(step: StepDocument): readonly [string, Arguments] {
  return Object.entries(step).find(([key]) => key !== 'repeat') as [string, Arguments]
}
