/** A machine to contend for: devices of one set, processes, and the copies of each mapping. */
import { type AnyLockingStrategy, type GuardedSet, LockRegistry, type ProcessHandle } from '@vfiokit/locking'
import type { MappingShape, Workload } from '../workload.ts'
import { ContendedDevice } from './contended-device.ts'
import { BAR_PAGES, ContendedMapping, ContendedSpace } from './contended-mapping.ts'
import { ZapLedger } from './zap-ledger.ts'

/** How large a machine is, besides its devices. */
export interface MachineSize {
  /** How many mappings there are for each one of the workload. */
  readonly copies: number
  /** Pages of each. */
  readonly pages: number
}

/** Each page takes five bytes. */
const PAGES_MAX = 1 << 26

/** What clients refer to by name. */
export class Machine {
  /** Locks are queue-fair, as those of Linux. */
  readonly registry: LockRegistry = new LockRegistry({ fair: true })
  readonly ledger: ZapLedger = new ZapLedger()
  readonly set: GuardedSet<unknown>
  readonly devices: ReadonlyMap<string, ContendedDevice>
  readonly processes: ReadonlyMap<string, ProcessHandle>
  /** Each mapping of the workload in its copies. */
  readonly mappings: ReadonlyMap<string, readonly ContendedMapping[]>
  readonly #sharedSpace = new ContendedSpace('space:s0')

  /** @throws RangeError for a mapping of a device or process that there is not, and for pages that no BAR has. */
  constructor(
    readonly strategy: AnyLockingStrategy,
    workload: Workload,
    readonly size: MachineSize,
  ) {
    refuseSize(size, workload.mappings.length)
    const { registry } = this
    this.set = { id: 's0', state: strategy.setState(registry, 's0') }
    this.devices = new Map(workload.devices.map((id, at) => [id, this.#device(id, at)]))
    for (const { cells } of this.devices.values()) cells.openCount.backing.write(workload.opened ?? 1)
    this.processes = new Map(
      workload.processes.map((id) => [id, { id, mmapLock: registry.rwsem(`mmap_lock:${id}`) }]),
    )
    this.mappings = new Map(workload.mappings.map((shape) => [shape.name, this.#copies(shape)]))
  }

  #device(id: string, at: number): ContendedDevice {
    const { strategy, registry, set } = this
    const isShared = strategy.addressSpaces !== 'per-device'
    const space = isShared ? this.#sharedSpace : new ContendedSpace(`space:${id}`)
    const first = strategy.addressSpaces === 'per-set-with-ordinals' ? at * BAR_PAGES : 0
    return new ContendedDevice(id, set, space, first, strategy, registry)
  }

  #copies({ name, device, process, followsMemory = true, later }: MappingShape): ContendedMapping[] {
    const owner = found(this.devices, device, 'device')
    const user = found(this.processes, process, 'process')
    const first = followsMemory ? owner.firstPage : this.devices.size * BAR_PAGES
    return Array.from({ length: this.size.copies }, (_, at) => {
      const id = at === 0 ? name : `${name} copy ${at}`
      const mapping = new ContendedMapping(id, owner, user, first, this.size.pages, this.ledger)
      mapping.isLinked = later !== true
      owner.mappings.push(mapping)
      owner.addressSpace.add(mapping)
      return mapping
    })
  }
}

/** @throws RangeError for a size that no machine has. */
function refuseSize({ pages, copies }: MachineSize, mappings: number): void {
  if (!(pages >= 1 && pages <= BAR_PAGES))
    throw new RangeError(`${pages} pages; a mapping has 1 to ${BAR_PAGES}`)
  if (!(copies >= 1)) throw new RangeError(`${copies} copies of each mapping; there is at least one`)
  const all = pages * copies * mappings
  if (all > PAGES_MAX) throw new RangeError(`${all} pages in all mappings; there are at most ${PAGES_MAX}`)
}

/** @throws RangeError when there is none of that name. */
export function found<T>(all: ReadonlyMap<string, T>, name: string, what: string): T {
  const one = all.get(name)
  if (one === undefined) throw new RangeError(`there is no ${what} ${name}`)
  return one
}
