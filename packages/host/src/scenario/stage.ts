/**
 * What a scenario stands on before its tasks begin: groups and devices opened, mappings made.
 *
 * A group can be opened once, so the first process opens everything and hands descriptors on, as a
 * program does that passes them over a socket.
 */
import { runLive } from '@vfiokit/locking'
import { Bdf } from '@vfiokit/topology'
import { DeviceCalls, type EngineCalls, openDeviceIn, openGroup, type Vma } from '@vfiokit/vfio-core'
import type { Host } from '../host.ts'
import type { MappingDocument, ScenarioDocument } from './scenario-schema.ts'

/** Everything that steps refer to by name. */
export interface Stage {
  readonly host: Host
  readonly processes: ReadonlyMap<string, EngineCalls>
  /** BDF of each device. */
  readonly bdfs: ReadonlyMap<string, Bdf>
  /** Open devices of a process, latest last; a step uses the latest. */
  devices(process: string, device: string): DeviceCalls[]
  /** Descriptor of a device's group in a process. */
  groupFd(process: string, device: string): number
  readonly mappings: ReadonlyMap<string, MappingDocument>
  /** A mapping that exists now. */
  vma(mapping: string): Vma | undefined
}

/**
 * Sets a stage on a new host. Nothing is contended yet, so every call answers at once.
 *
 * @throws VfioError as the ABI does, when the scenario asks for what cannot be had.
 */
export function setStage(host: Host, document: ScenarioDocument): Stage {
  const processes = new Map(document.processes.map((id) => [id, host.core.process(id)]))
  const bdfs = new Map(Object.entries(document.devices).map(([name, bdf]) => [name, Bdf.parse(bdf)]))
  const groupFds = new Map<string, number>()
  const open = new Map<string, DeviceCalls[]>()
  const [opener] = processes.values()
  const byGroup = new Map<number, number>()
  for (const [name, bdf] of bdfs) {
    const number = host.topology.function(bdf)!.iommuGroup!
    let groupFd = byGroup.get(number)
    if (groupFd === undefined) {
      groupFd = now(runLive(openGroup(opener!, number)))
      byGroup.set(number, groupFd)
    }
    const device = now(runLive(openDeviceIn(opener!, groupFd, bdf)))
    for (const [id, calls] of processes) {
      const shared = calls === opener ? device.fd : opener!.send(device.fd, calls)
      groupFds.set(`${id} ${name}`, calls === opener ? groupFd : opener!.send(groupFd, calls))
      open.set(`${id} ${name}`, [new DeviceCalls(calls, shared)])
    }
  }
  const stage: Stage = {
    host,
    processes,
    bdfs,
    devices: (process, device) => open.get(`${process} ${device}`)!,
    groupFd: (process, device) => groupFds.get(`${process} ${device}`)!,
    mappings: new Map(Object.entries(document.mappings ?? {})),
    vma: (mapping) => findVma(processes.values(), mapping),
  }
  for (const [name, mapping] of stage.mappings) if (mapping.later !== true) now(runLive(mapInto(stage, name)))
  return stage
}

/** Makes one mapping of the scenario. @returns its address */
export function mapInto(stage: Stage, name: string): ReturnType<EngineCalls['mmap']> {
  const { process, device, region, offset, length, prot = 'rw' } = stage.mappings.get(name)!
  const { fd } = stage.devices(process, device).at(-1)!
  return stage.processes.get(process)!.mmap({
    fd,
    offset: region * 2 ** 40 + offset,
    lengthBytes: length,
    protection: { read: prot.includes('r'), write: prot.includes('w'), execute: false },
    shared: true,
    id: name,
  })
}

function findVma(processes: Iterable<EngineCalls>, id: string): Vma | undefined {
  for (const { process } of processes) {
    const found = process.vmas.find((vma) => vma.id === id)
    if (found !== undefined) return found
  }
  return undefined
}

function now<T>(value: T | Promise<T>): T {
  if (value instanceof Promise) throw new TypeError('something was contended before any task began')
  return value
}
