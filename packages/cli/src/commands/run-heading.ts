/** What `vfiokit run` says before the runs: the machine, the devices, who maps what, what the tasks do. */
import {
  describeStep,
  type Host,
  type IdlePlugin,
  type RegionResult,
  type ScenarioDocument,
  type ScenarioResult,
  summariseDevices,
  type TaskDocument,
} from '@vfiokit/host'
import { table } from '../table.ts'
import type { Paint } from '../terminal.ts'

interface Heading {
  readonly path: string
  readonly document: ScenarioDocument
  readonly host: Host
  readonly results: readonly ScenarioResult[]
}

/** Everything that is the same under every strategy. */
export function headingText({ path, document, host, results }: Heading, paint: Paint): string {
  const { kernel, seed, regions, idlePlugins } = results[0]!
  const functions = `${host.topology.functions.length} functions`
  return [
    paint('bold', `${path}: ${functions}, Linux ${kernel}, seed ${seed}`),
    devicesText(host, document),
    ...(regions.length + idlePlugins.length === 0 ? [] : [regionsText(regions, idlePlugins)]),
    processesText(document),
    tasksText(document),
  ].join('\n\n')
}

function devicesText(host: Host, document: ScenarioDocument): string {
  const rows = summariseDevices(host, document).map(({ name, bdf, id, iommuGroup, deviceSet }) => {
    return [name, bdf, id, iommuGroup ?? '', deviceSet ?? '']
  })
  return table(['device', 'function', 'id', 'group', 'hot reset of'], rows)
}

function regionsText(regions: readonly RegionResult[], idle: readonly IdlePlugin[]): string {
  const own = regions.map(({ device, index, provider, sizeBytes, mappable, backing }) => {
    return [provider, device, index, sizeBytes, mappable ? `mappable, backed by ${backing}` : 'trapped']
  })
  const none = idle.map(({ provider, device }) => [provider, device, '', '', 'opens no region here'])
  return table(['plugin', 'function', 'region', 'bytes', ''], [...own, ...none])
}

function processesText({ processes, mappings = {} }: ScenarioDocument): string {
  const rows = processes.flatMap((process) => {
    const own = Object.entries(mappings).filter(([, mapping]) => mapping.process === process)
    return own.map(([name, { device, region, offset, length }]) => [
      process,
      name,
      device,
      region,
      offset,
      length,
    ])
  })
  return table(['process', 'mapping', 'device', 'region', 'offset', 'bytes'], rows)
}

function tasksText({ tasks }: ScenarioDocument): string {
  const rows = tasks.map((task) => [task.process, nameOf(task), stepsOf(task)])
  return table(['process', 'task', 'does'], rows)
}

function nameOf({ name, count = 1 }: TaskDocument): string {
  return count === 1 ? name : `${name}.1-${count}`
}

function stepsOf({ do: steps }: TaskDocument): string {
  return steps
    .map((step) => describeStep(step) + (step.repeat === undefined ? '' : ` x${step.repeat}`))
    .join(', ')
}
