/** Whether the data of migrations that steps name is opened, by the right process and before it is used. */
import type { YamlPath } from '@vfiokit/topology'
import type { Complaint } from '../config-error.ts'
import type { ScenarioDocument, StepDocument } from './scenario-schema.ts'
import { stepOf } from './steps.ts'

type Defect = readonly [YamlPath, Complaint]

/** A step that makes something which others name. */
interface Maker {
  readonly name: string
  readonly process: string
  readonly task: number
}

/** What makes something, what uses it, and what ends it. */
interface Naming {
  /** The codes are `unknown-`, `foreign-` and `no-` this `-yet`. */
  readonly code: string
  /** What is wrong when no step makes it at all, and when none does before. */
  readonly unknown: string
  readonly early: string
  /** What would make it. */
  readonly makes: string
  made(step: StepDocument): string | undefined
  used(step: StepDocument): { readonly key: string; readonly name: string } | undefined
  ended(step: StepDocument): string | undefined
  /** Whether names belong to processes. */
  readonly isOwn: boolean
}

const DATA_FD: Naming = {
  code: 'data-fd',
  unknown: 'no step opens data under this name',
  early: 'nothing is open under this name when the step begins',
  makes: 'the dataFd of a mig-device-state',
  made: (step) => step['mig-device-state']?.dataFd,
  used(step) {
    const [kind, args] = stepOf(step)
    if (kind === 'mig-device-state' || !('dataFd' in args)) return undefined
    return { key: 'dataFd', name: args.dataFd! }
  },
  ended: (step) => step['mig-data-close']?.dataFd,
  isOwn: true,
}

const BYTES: Naming = {
  code: 'bytes',
  unknown: 'no step reads bytes under this name',
  early: 'nothing was read under this name when the step begins',
  makes: 'the into of a mig-data-read',
  made: (step) => step['mig-data-read']?.into,
  used(step) {
    const from = step['mig-data-write']?.from
    return from === undefined ? undefined : { key: 'from', name: from }
  },
  ended: () => undefined,
  isOwn: false,
}

/** In which states data begins, or goes on under the name that it has. */
const WITH_DATA: readonly string[] = ['STOP_COPY', 'RESUMING', 'PRE_COPY', 'PRE_COPY_P2P']

/** Every defect of such names. */
export function* defectsOfData(document: ScenarioDocument): Generator<Defect> {
  yield* namesWithoutData(document)
  for (const naming of [DATA_FD, BYTES]) {
    const makers = makersOf(document, naming)
    for (const at of document.tasks.keys()) yield* defectsOfTask(document, at, naming, makers)
  }
}

function* namesWithoutData({ tasks }: ScenarioDocument): Generator<Defect> {
  for (const [at, task] of tasks.entries())
    for (const [index, step] of task.do.entries()) {
      const { state = 'nothing', dataFd } = step['mig-device-state'] ?? {}
      if (dataFd === undefined || WITH_DATA.includes(state)) continue
      const complaint = { code: 'no-data', message: 'no data begins there', found: state }
      const path = ['tasks', at, 'do', index, 'mig-device-state', 'dataFd']
      yield [path, { ...complaint, expected: `state: ${WITH_DATA.join(', ')}` }]
    }
}

function makersOf({ tasks }: ScenarioDocument, { made }: Naming): Maker[] {
  return tasks.flatMap(({ process, do: steps }, task) =>
    steps.flatMap((step) => {
      const name = made(step)
      return name === undefined ? [] : { name, process, task }
    }),
  )
}

/** Other tasks may come before; in its own, a step has to. */
function* defectsOfTask(
  document: ScenarioDocument,
  at: number,
  naming: Naming,
  makers: readonly Maker[],
): Generator<Defect> {
  const { process, do: steps } = document.tasks[at]!
  const own = new Set<string>()
  const owners = [process, ...parentsOf(document, process)]
  for (const [index, step] of steps.entries()) {
    const use = naming.used(step)
    if (use !== undefined && !own.has(use.name)) {
      const complaint = complaintOf(use.name, at, naming, { owners, makers })
      if (complaint !== undefined) yield [['tasks', at, 'do', index, stepOf(step)[0], use.key], complaint]
    }
    own.delete(naming.ended(step) ?? '')
    own.add(naming.made(step) ?? '')
  }
}

function complaintOf(
  name: string,
  task: number,
  { code, unknown, early, makes, isOwn }: Naming,
  { owners, makers }: { readonly owners: readonly string[]; readonly makers: readonly Maker[] },
): Complaint | undefined {
  const named = makers.filter((maker) => maker.name === name)
  const [other] = named
  if (other === undefined) {
    const known = [...new Set(makers.map((maker) => maker.name))].join(', ')
    return {
      code: `unknown-${code}`,
      message: unknown,
      expected: known || makes,
      found: name,
    }
  }
  const reached = named.filter((maker) => !isOwn || owners.includes(maker.process))
  if (reached.length === 0)
    return {
      code: `foreign-${code}`,
      message: `${name} is open in another process`,
      expected: `data of ${owners[0]}`,
      found: `data of ${other.process}`,
    }
  if (reached.some((maker) => maker.task !== task)) return undefined
  return {
    code: `no-${code}-yet`,
    message: early,
    expected: `${makes} before it`,
    found: name,
  }
}

/** Who forks into a process gives it what is open. */
function parentsOf({ tasks }: ScenarioDocument, child: string): string[] {
  return tasks
    .filter(({ do: steps }) => steps.some((step) => step.fork?.into === child))
    .map(({ process }) => process)
}
