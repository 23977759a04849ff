/**
 * A model: devices that one reset hits, processes, mappings, and tasks on them, under one strategy.
 *
 * What tasks do are the bodies of `@vfiokit/locking`, the same that an engine runs with hardware; what
 * stands around them is the strategy that is given. Nothing here is written a second time.
 */
import {
  type AnyLockingStrategy,
  type GuardedSet,
  INVARIANTS,
  type InvariantId,
  LockRegistry,
  markFaultLocks,
  type ProcessHandle,
} from '@vfiokit/locking'
import { makeProgram, type Program, type ProgramOptions, type TaskSource } from '../program/program.ts'
import { Symbols } from '../program/symbols.ts'
import { BAR_PAGES, ExploredDevice } from './explored-device.ts'
import { ExploredMapping, ExploredSpace } from './explored-mapping.ts'
import { found } from './lookup.ts'
import { MappingSymbols } from './mapping-symbols.ts'
import { modelChecks } from './model-checks.ts'
import type { MappingSpec, ModelSpec, StepSpec } from './model-spec.ts'
import { OverZap } from './over-zap.ts'
import { StepRunner } from './step-runner.ts'

/** What steps refer to by name. */
export class Model {
  readonly registry: LockRegistry = new LockRegistry({ fair: false })
  readonly set: GuardedSet<unknown>
  readonly devices: ReadonlyMap<string, ExploredDevice>
  readonly processes: ReadonlyMap<string, ProcessHandle>
  readonly mappings: ReadonlyMap<string, ExploredMapping>
  /** Known when a program was made. */
  readonly overZap: OverZap

  /** @throws RangeError for a mapping of a device or process that there is not. */
  constructor(
    readonly strategy: AnyLockingStrategy,
    readonly spec: ModelSpec,
  ) {
    const { registry } = this
    this.set = { id: 's0', state: strategy.setState(registry, 's0') }
    this.devices = new Map(spec.devices.map((id, at) => [id, this.#device(id, at)]))
    for (const { cells } of this.devices.values()) cells.openCount.backing.write(spec.opened ?? 1)
    this.processes = new Map(
      spec.processes.map((id) => {
        const mmapLock = registry.rwsem(`mmap_lock:${id}`)
        markFaultLocks([{ lock: mmapLock, mode: 'read' }])
        return [id, { id, mmapLock }]
      }),
    )
    this.mappings = new Map(spec.mappings.map((mapping) => [mapping.name, this.#mapping(mapping)]))
    this.overZap = new OverZap(new Map(spec.tasks.map(({ steps }) => [kindOf(steps), steps])))
  }

  /** The program of this model. @throws CompileError */
  program(options: Omit<ProgramOptions, 'context' | 'probes'> = {}): Program {
    const symbols = new Symbols()
    const pages = new MappingSymbols(symbols)
    const devices = [...this.devices.values()]
    const checks = modelChecks({ strategy: this.strategy, devices, symbols, pages })
    const runner = new StepRunner(this)
    // Of the kind that a task which only touches the mapping has: compiled once.
    const probes = [...this.mappings.keys()].map((mapping): TaskSource => {
      const steps: StepSpec[] = [{ do: 'touch', mapping }]
      return { name: `probe of ${mapping}`, kind: kindOf(steps), make: () => runner.task(steps) }
    })
    const sources = this.spec.tasks.flatMap(({ name, count = 1, steps }) =>
      Array.from({ length: count }, (_, at) => ({
        name: count === 1 ? name : `${name}.${at + 1}`,
        kind: kindOf(steps),
        make: () => runner.task(steps),
      })),
    )
    return makeProgram(sources, {
      ...options,
      context: { symbols, pages, checks: this.overZap.watch(checks), isAsked: askedIn(this.spec) },
      probes,
    })
  }

  #device(id: string, at: number): ExploredDevice {
    const { strategy, registry, set } = this
    const shared = strategy.addressSpaces !== 'per-device'
    const space = shared ? this.#sharedSpace : new ExploredSpace(`space:${id}`)
    const first = strategy.addressSpaces === 'per-set-with-ordinals' ? at * BAR_PAGES : 0
    return new ExploredDevice(id, set, space, first, strategy, registry)
  }

  readonly #sharedSpace = new ExploredSpace('space:s0')

  #mapping({
    name,
    device,
    process,
    units = 1,
    followsMemory = true,
    later,
    copyOf,
  }: MappingSpec): ExploredMapping {
    const owner = found(this.devices, device, 'device')
    const behind = followsMemory ? owner.firstPage : this.spec.devices.length * BAR_PAGES
    const place = { first: behind, pages: units, units, followsMemory }
    const mapping = new ExploredMapping(owner, found(this.processes, process, 'process'), name, place)
    mapping.isLinked = later !== true && copyOf === undefined
    owner.mappings.push(mapping)
    owner.addressSpace.mappings.push(mapping)
    return mapping
  }
}

/** Whether a model asks a property: of the invariants those it names, everything else in any case. */
export function askedIn({ invariants }: ModelSpec): (property: string) => boolean {
  const left = new Set(
    Object.keys(INVARIANTS).filter((id) => invariants?.includes(id as InvariantId) === false),
  )
  return (property) => !left.has(property)
}

/** Tasks of the same steps are interchangeable. */
function kindOf(steps: readonly StepSpec[]): string {
  return steps.map((step) => Object.values(step).join(' ')).join(', ')
}
