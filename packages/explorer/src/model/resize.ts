/** A model in another size: more or fewer devices, faulting threads and hot resets. */
import type { MappingSpec, ModelSpec, TaskSpec } from './model-spec.ts'

/** What can be asked of a size; what is absent stays as it is. */
export interface ModelSize {
  readonly devices?: number | undefined
  /** Tasks that only touch mappings: how many of each there are. */
  readonly faults?: number | undefined
  /** Tasks that only hot-reset: how many of each there are. */
  readonly resets?: number | undefined
}

/**
 * Devices that are added are copies of the last one, with its mappings and with the tasks that work on it
 * alone. Devices that are taken away go with whatever works on them.
 *
 * @throws RangeError for fewer devices than one.
 */
export function resizeModel(spec: ModelSpec, size: ModelSize): ModelSpec {
  const devices = size.devices ?? spec.devices.length
  if (devices < 1) throw new RangeError(`${devices} devices; a model has at least one`)
  let resized = spec
  while (resized.devices.length > devices) resized = withoutLast(resized)
  while (resized.devices.length < devices) resized = withAnother(resized)
  const tasks = resized.tasks.flatMap((task) => resizedTask(task, size))
  return { ...resized, tasks }
}

function resizedTask(task: TaskSpec, { faults, resets }: ModelSize): TaskSpec[] {
  const only = (verb: string) => task.steps.every((step) => step.do === verb)
  const count = (only('touch') ? faults : only('hot-reset') ? resets : undefined) ?? task.count ?? 1
  return count === 0 ? [] : [{ ...task, count }]
}

function withoutLast(spec: ModelSpec): ModelSpec {
  const gone = spec.devices.at(-1)!
  return {
    ...spec,
    devices: spec.devices.slice(0, -1),
    mappings: spec.mappings.filter(({ device }) => device !== gone),
    tasks: spec.tasks.filter(({ steps }) => !steps.some((step) => deviceOf(step, spec.mappings) === gone)),
  }
}

function withAnother(spec: ModelSpec): ModelSpec {
  const last = spec.devices.at(-1)!
  const device = `device-${spec.devices.length + 1}`
  const renamed = (name: string) => `${name} of ${device}`
  const own = spec.mappings.filter((mapping) => mapping.device === last)
  const tasks = spec.tasks.filter(({ steps }) =>
    steps.every((step) => deviceOf(step, spec.mappings) === last),
  )
  return {
    ...spec,
    devices: [...spec.devices, device],
    mappings: [...spec.mappings, ...own.map((each) => copyFor(each, device, renamed))],
    tasks: [
      ...spec.tasks,
      ...tasks.map(({ name, steps, ...rest }) => ({
        ...rest,
        name: renamed(name),
        steps: steps.map((step) => ({
          ...step,
          ...('device' in step ? { device } : {}),
          ...('mapping' in step ? { mapping: renamed(step.mapping) } : {}),
        })),
      })),
    ],
  }
}

function copyFor(mapping: MappingSpec, device: string, renamed: (name: string) => string): MappingSpec {
  const copyOf = mapping.copyOf === undefined ? {} : { copyOf: renamed(mapping.copyOf) }
  return { ...mapping, ...copyOf, name: renamed(mapping.name), device }
}

function deviceOf(step: TaskSpec['steps'][number], mappings: readonly MappingSpec[]): string | undefined {
  if ('device' in step) return step.device
  return 'mapping' in step ? mappings.find(({ name }) => name === step.mapping)?.device : undefined
}
