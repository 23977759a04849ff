/**
 * What a scenario stands on before its tasks begin: groups and devices opened, mappings made.
 *
 * A group can be opened once, so the first process opens everything and hands descriptors on, as a
 * program does that passes them over a socket.
 */
import { type Operation, runLive } from '@vfiokit/locking'
import { Bdf, type Diagnostic, type YamlPath } from '@vfiokit/topology'
import {
  DeviceCalls,
  type EngineCalls,
  openDeviceIn,
  openGroupIn,
  VfioError,
  type Vma,
} from '@vfiokit/vfio-core'
import { type Complain, type Complaint, ConfigError } from '../config-error.ts'
import type { Host } from '../host.ts'
import { DataFiles, KeptBytes } from './migration-data.ts'
import type { MappingDocument, ScenarioDocument } from './scenario-schema.ts'

/** A group that a process has open, and the container that it is in: descriptors. */
export interface OpenGroup {
  readonly fd: number
  readonly containerFd: number
}

/** Everything that steps refer to by name. */
export class Stage {
  readonly processes: ReadonlyMap<string, EngineCalls>
  readonly bdfs: ReadonlyMap<string, Bdf>
  readonly mappings: ReadonlyMap<string, MappingDocument>
  /** Where each mapping was made last; the address stays when it is unmapped. */
  readonly addresses: Map<string, number> = new Map()
  /** Open data of migrations. */
  readonly dataFiles: DataFiles = new DataFiles()
  /** What was read from it. */
  readonly kept: KeptBytes = new KeptBytes()
  readonly #devices = new Map<string, DeviceCalls[]>()
  readonly #groups = new Map<string, OpenGroup>()

  constructor(
    readonly host: Host,
    { processes, devices, mappings = {} }: ScenarioDocument,
  ) {
    this.processes = new Map(processes.map((id) => [id, host.core.process(id)]))
    this.bdfs = new Map(Object.entries(devices).map(([name, bdf]) => [name, Bdf.parse(bdf)]))
    this.mappings = new Map(Object.entries(mappings))
  }

  /** Open devices of a process, latest last. */
  devices(process: string, device: string): DeviceCalls[] {
    return this.#devices.get(`${process} ${device}`)!
  }

  /** The one that a step uses. @throws VfioError EBADF when the process has closed them all. */
  latest(process: string, device: string): DeviceCalls {
    const open = this.devices(process, device).at(-1)
    if (open === undefined) throw new VfioError('EBADF', 'bad-fd', `${process} does not have ${device} open`)
    return open
  }

  /** Descriptor of a device's group in a process. */
  groupFd(process: string, device: string): number {
    return this.#groups.get(`${process} ${device}`)!.fd
  }

  /** Descriptor of the container that a device's group is in. */
  containerFd(process: string, device: string): number {
    return this.#groups.get(`${process} ${device}`)!.containerFd
  }

  /** What is mapped now under the name of a mapping. */
  vmas(mapping: string): readonly Vma[] {
    const { process } = this.mappings.get(mapping)!
    const wanted = this.vmaId(mapping)
    return this.processes.get(process)!.process.vmas.filter(({ id }) => id === wanted)
  }

  /** What the kernel calls a mapping: a copy is named after its original and its process. */
  vmaId(mapping: string): string {
    const { process, copyOf } = this.mappings.get(mapping)!
    return copyOf === undefined ? mapping : `${copyOf}@${process}`
  }

  /** Forks one process into another that has mapped nothing: it has the files and mappings of the first. */
  *fork(parent: string, into: string): Operation<void> {
    const child = this.processes.get(into)!
    yield* this.processes.get(parent)!.forkInto(child)
    for (const device of this.bdfs.keys()) {
      const open = this.devices(parent, device).map(({ fd }) => new DeviceCalls(child, fd))
      this.#devices.set(`${into} ${device}`, open)
      this.#groups.set(`${into} ${device}`, this.#groups.get(`${parent} ${device}`)!)
    }
    this.dataFiles.fork(parent, into)
    for (const [name, { process, copyOf }] of this.mappings)
      if (process === into && copyOf !== undefined && this.addresses.has(copyOf))
        this.addresses.set(name, this.addresses.get(copyOf)!)
  }

  /** Notes that a process has a device open, and its group. */
  opened(calls: EngineCalls, name: string, group: OpenGroup, deviceFd: number): void {
    this.#groups.set(`${calls.id} ${name}`, group)
    this.#devices.set(`${calls.id} ${name}`, [new DeviceCalls(calls, deviceFd)])
  }
}

/**
 * Sets a stage on a new host. Nothing is contended yet, so every call answers at once.
 *
 * @throws ConfigError naming every device and mapping of the scenario that cannot be had, and why.
 */
export function setStage(host: Host, document: ScenarioDocument, complain: Complain): Stage {
  const stage = new Stage(host, document)
  const defects: Diagnostic[] = []
  const attempt = (at: YamlPath, what: string, operation: Operation<unknown>): void => {
    try {
      now(operation)
    } catch (cause) {
      if (!VfioError.is(cause) && !(cause instanceof RangeError)) throw cause
      defects.push(complain(at, refused(what, cause, host)))
    }
  }
  const groups = new Map<number, OpenGroup>()
  for (const name of stage.bdfs.keys())
    attempt(['devices', name], `device ${name} cannot be opened`, openForAll(stage, name, groups))
  if (defects.length > 0) throw new ConfigError(defects)
  for (const [name, { later, copyOf }] of stage.mappings)
    if (later !== true && copyOf === undefined)
      attempt(['mappings', name], `${name} cannot be mapped`, mapInto(stage, name))
  if (defects.length > 0) throw new ConfigError(defects)
  return stage
}

/** Opens a device, and its group unless that is open, and hands everything to the other processes. */
function* openForAll(stage: Stage, name: string, groups: Map<number, OpenGroup>): Operation<void> {
  const { host, processes } = stage
  const bdf = stage.bdfs.get(name)!
  const device = host.core.devices.get(bdf)
  if (device === undefined)
    throw new VfioError('ENODEV', 'no-device', `the host does not bind ${bdf} to vfio-pci`)
  const [opener, ...others] = processes.values()
  const { number } = device.group
  const group = groups.get(number) ?? (yield* openGroup(opener!, number))
  groups.set(number, group)
  const { fd } = yield* openDeviceIn(opener!, group.fd, bdf)
  stage.opened(opener!, name, group, fd)
  for (const calls of others) {
    const send = (own: number) => opener!.send(own, calls)
    stage.opened(calls, name, { fd: send(group.fd), containerFd: send(group.containerFd) }, send(fd))
  }
}

/** In a container of its own, as a program has it that maps memory for its devices. */
function* openGroup(calls: EngineCalls, number: number): Operation<OpenGroup> {
  const containerFd = yield* calls.open('/dev/vfio/vfio')
  return { fd: yield* openGroupIn(calls, number, containerFd), containerFd }
}

/** Makes one mapping of the scenario. */
export function* mapInto(stage: Stage, name: string): Operation<void> {
  const { process, device, region, offset, length, prot = 'rw' } = stage.mappings.get(name)!
  const { fd } = stage.latest(process, device)
  const address = yield* stage.processes.get(process)!.mmap({
    fd,
    offset: region * 2 ** 40 + offset,
    lengthBytes: length,
    protection: { read: prot.includes('r'), write: prot.includes('w'), execute: false },
    shared: true,
    id: name,
  })
  stage.addresses.set(name, address)
}

/** A plugin that failed is why a region is not there. */
function refused(message: string, cause: Error, { bus }: Host): Complaint {
  const found = [cause.message, ...bus.failureLines].join('; ')
  return { code: 'stage-refused', message, found }
}

function now(operation: Operation<unknown>): void {
  if (runLive(operation) instanceof Promise)
    throw new TypeError('something was contended before any task began')
}
