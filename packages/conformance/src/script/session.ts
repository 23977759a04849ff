/** What a script has open: handles, groups, a container, mappings, eventfds. One process uses them. */
import type { HostOperator, VfioProcess } from '@vfiokit/vfio-core'
import type { ConformanceHost, MachineDescription } from '../conformance-host.ts'
import { NotCarried, Skipped } from './outcome.ts'

/** A device that is open under a name. */
export interface OpenHandle {
  readonly fd: number
  /** Its BDF. */
  readonly device: string
}

/** A group that is open. */
export interface OpenGroup {
  readonly fd: number
  isInContainer: boolean
}

/** A mapping that a script has under a name. */
export interface OpenMap {
  readonly address: number
  readonly lengthBytes: number
  readonly device: string
  readonly region: number
  /** Offset of its first byte in the region. */
  readonly offset: number
}

/** Descriptor that no process has. */
export const BAD_FD = 9999

/** The state of a script while it runs. */
export class ScriptSession {
  readonly process: VfioProcess
  readonly handles: Map<string, OpenHandle> = new Map()
  readonly groups: Map<number, OpenGroup> = new Map()
  readonly maps: Map<string, OpenMap> = new Map()
  /** By handle, index, vector and kind. */
  readonly eventfds: Map<string, number> = new Map()
  /** Functions whose MSI-X is on. */
  readonly withMessages: Set<string> = new Set()
  container: number | undefined
  hasIommuType = false
  /** Where the memory for DMA lies, once it was needed. */
  memory: number | undefined

  constructor(
    readonly host: ConformanceHost,
    readonly machine: Pick<MachineDescription, 'facts'>,
  ) {
    this.process = host.vfio.process('script')
  }

  /** @throws Skipped when nothing is open under that name. */
  handle(name: string): OpenHandle {
    const handle = this.handles.get(name)
    if (handle === undefined) throw new Skipped('not-open')
    return handle
  }

  /** @throws Skipped when there is no such mapping. */
  map(name: string): OpenMap {
    const map = this.maps.get(name)
    if (map === undefined) throw new Skipped('no-map')
    return map
  }

  /** @throws Skipped when the group of a function is not open. */
  group(device: string): OpenGroup {
    const number = this.machine.facts.iommuGroup(device)
    const group = number === undefined ? undefined : this.groups.get(number)
    if (group === undefined) throw new Skipped('group-not-open')
    return group
  }

  /** The container's descriptor; without one, a descriptor that no file has. */
  get containerFd(): number {
    return this.container ?? -1
  }

  /** @throws NotCarried by a host without an administrator. */
  get operator(): HostOperator {
    if (this.host.operator === undefined) throw new NotCarried('no host operator')
    return this.host.operator
  }

  /** Whether a descriptor of a function is open, or a mapping keeps it open. */
  isOpen(device: string): boolean {
    const isOf = (user: { readonly device: string }) => user.device === device
    return [...this.handles.values()].some(isOf) || [...this.maps.values()].some(isOf)
  }

  /** Notes a device under a name. */
  addHandle(name: string, handle: OpenHandle): void {
    // The last close turned interrupts off.
    if (!this.isOpen(handle.device)) this.withMessages.delete(handle.device)
    this.handles.set(name, handle)
  }
}

/** A number of a script. */
export function numberOf(word: string): number {
  return Number(word)
}

/** An option that is a number; undefined when it was not given. */
export function optionOf(options: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = options.get(name)
  return text === undefined ? undefined : Number(text)
}
