/**
 * The invariants I1-I6 as checks of steps, and H3: each asked at the steps that could break it.
 *
 * Those about locks are decided when a program is made, since every place knows its locks; what is
 * left is about variables, and these count as read by the step. I7 is asked by lowering, and I8 holds
 * by construction: a zap is one step here.
 */
import {
  type AccessOp,
  type AnyLockingStrategy,
  BoundedList,
  type Cell,
  excludesReaders,
  type InsertOp,
  insideReadSide,
  isOp,
  type Listed,
  type LockUse,
  type MappingHandle,
  type Op,
  type SetOp,
} from '@vfiokit/locking'
import { derivedTable, evaluate, membersOf } from '../compile/results.ts'
import { always, type Check, type VariableTable } from '../program/automaton.ts'
import { foldTable } from '../program/fold.ts'
import type { StepChecks } from '../program/lower.ts'
import type { Symbols } from '../program/symbols.ts'
import type { ExploredDevice } from './explored-device.ts'
import type { ExploredMapping } from './explored-mapping.ts'
import type { MappingSymbols } from './mapping-symbols.ts'
import { BusyOp, LifecycleOp } from './model-ops.ts'

/** What the invariants are asked of. */
export interface CheckedModel {
  readonly strategy: AnyLockingStrategy
  readonly devices: readonly ExploredDevice[]
  readonly symbols: Symbols
  readonly pages: MappingSymbols
}

/** The checks of every step of a model. */
export function modelChecks(model: CheckedModel): StepChecks {
  const checks = new ModelChecks(model)
  return (op, held) => checks.of(op, held)
}

class ModelChecks {
  readonly #byId: ReadonlyMap<string, ExploredDevice>
  readonly #byCell = new Map<unknown, { device: ExploredDevice; exclusive: boolean }>()

  constructor(readonly model: CheckedModel) {
    this.#byId = new Map(model.devices.map((device) => [device.id, device]))
    for (const device of model.devices) {
      const { memoryEnabled, power, inReset } = device.cells
      this.#byCell.set(memoryEnabled, { device, exclusive: true })
      this.#byCell.set(power, { device, exclusive: true })
      this.#byCell.set(inReset, { device, exclusive: false })
    }
  }

  of(op: Op<unknown>, held: readonly LockUse[]): Check[] {
    if (isOp(op, 'access')) return this.#access(op, held)
    if (isOp(op, 'insert')) return this.#insert(op)
    if (isOp(op, 'set')) return this.#set(op, held)
    if (op instanceof LifecycleOp) return [this.#lifecycle(op)]
    if (op instanceof BusyOp) return [broken('busy', 'a hot reset is refused that must not be')]
    if (isOp(op, 'effect') && op.subject !== undefined) {
      const devices = op.subject.devices.map(({ id }) => this.#byId.get(id)!)
      return op.subject.kind === 'bus-reset'
        ? devices.flatMap((device) => this.#busReset(device, held))
        : devices.flatMap((device) => this.#barAccess(device, held))
    }
    return []
  }

  /** I5, and H3: the copy to user memory that could fault on a lock that is held. */
  #access({ mapping, page }: AccessOp, held: readonly LockUse[]): Check[] {
    const { pages } = this.model
    const target = mapping as ExploredMapping
    const unit = target.unitOf(page)
    const variables = [pages.unit(target, unit), pages.misplaced(target, unit)]
    const misplaced: Check = {
      property: 'I5',
      message: `${mapping.id} shows another place than its offset`,
      table: { variables, entries: [0, 0, 0, 1] },
      anyOf: [],
    }
    const lock = held.find((use) => use.lock.takenByFault)
    if (lock === undefined) return [misplaced]
    const message = `${mapping.id} is touched while holding ${lock.lock.name}, which its fault would take`
    return [misplaced, { property: 'H3', message, table: always(1), anyOf: [] }]
  }

  #insert({ mapping }: InsertOp): Check[] {
    const device = this.#byId.get(mapping.device.id)
    if (device === undefined || !mapping.followsMemory) return []
    return [
      {
        property: 'I1',
        message: `${mapping.id} gets pages while ${OFF}`,
        table: this.#off(device),
        anyOf: [],
      },
      {
        property: 'I4',
        message: `${mapping.id} has pages that no zap would find`,
        table: this.#undiscoverable(device, mapping),
        anyOf: [],
      },
    ]
  }

  #set(op: SetOp<unknown>, held: readonly LockUse[]): Check[] {
    const owner = this.#byCell.get(op.cell)
    if (owner === undefined) return []
    const { device, exclusive } = owner
    const checks: Check[] = []
    if (exclusive && !excludesReaders(this.model.strategy, device, held))
      checks.push(broken('I3', `${device.id} changes while readers may run`))
    const units = this.#units(device)
    const table = this.#offAfter(device, op)
    if (table !== undefined && units.length > 0)
      checks.push({
        property: 'I1',
        message: `pages of ${device.id} are mapped while ${OFF}`,
        table,
        anyOf: units,
      })
    return checks
  }

  #busReset(device: ExploredDevice, held: readonly LockUse[]): Check[] {
    if (!excludesReaders(this.model.strategy, device, held))
      return [broken('I6', `${device.id} is reset while readers may run`)]
    const message = `${device.id} is reset with pages mapped`
    const units = this.#units(device)
    return units.length === 0 ? [] : [{ property: 'I6', message, table: always(1), anyOf: units }]
  }

  #barAccess(device: ExploredDevice, held: readonly LockUse[]): Check[] {
    if (excludesReaders(this.model.strategy, device, held)) return []
    if (!insideReadSide(this.model.strategy, device, held))
      return [broken('I2', `${device.id} is touched outside the read side`)]
    return [
      {
        property: 'I2',
        message: `${device.id} is touched while ${OFF}`,
        table: this.#off(device),
        anyOf: [],
      },
    ]
  }

  /** Who is a member, and open, does not change under a hot reset: then it would hit some and not others. */
  #lifecycle({ device, object }: LifecycleOp): Check {
    const table = {
      variables: [this.model.symbols.cell(device.cells.inReset as Cell<unknown>)],
      entries: [0, 1],
    }
    return { property: 'I6', message: `${object} while a reset of it runs`, table, anyOf: [] }
  }

  /** Units of the mappings that go with the memory of a device. */
  #units(device: ExploredDevice): number[] {
    return [...device.mappings]
      .filter(({ followsMemory }) => followsMemory)
      .flatMap((mapping) => this.model.pages.units(mapping))
  }

  /** 1 where no page of a device may be reachable. */
  #off({ cells }: ExploredDevice): VariableTable {
    const sources: Cell<unknown>[] = [...derivedTable(cells.accessible).cells, cells.inReset as Cell<unknown>]
    const entries = evaluate(sources, () => Number(!cells.accessible.peek() || cells.inReset.peek()))
    return { variables: sources.map((cell) => this.model.symbols.cell(cell)), entries }
  }

  /** The same behind a write; undefined for one that never turns anything off. */
  #offAfter(device: ExploredDevice, { cell, value }: SetOp<unknown>): VariableTable | undefined {
    const { symbols } = this.model
    const off = this.#off(device)
    const own = symbols.cell(cell)
    const having = (digit: number) =>
      foldTable(off, symbols.variables, (variable) => (variable === own ? digit : undefined))
    const after = having(cell.values.indexOf(value))
    const turnsOff = cell.values.some((_, digit) => {
      const before = having(digit)
      return after.entries.some((entry, at) => entry === 1 && before.entries[at] === 0)
    })
    return turnsOff ? after : undefined
  }

  /** 1 where the zap path of the strategy would not find a mapping. */
  #undiscoverable(device: ExploredDevice, mapping: MappingHandle): VariableTable {
    const { strategy, symbols, pages } = this.model
    // A strategy may keep nothing for a device: Object.values of nothing would throw.
    const lists = Object.values(device.state ?? {}).filter(
      (kept): kept is BoundedList<MappingHandle> =>
        BoundedList.is(kept) && membersOf<Listed>(kept).includes(mapping),
    )
    const variables = [...lists.map((list) => symbols.listed(list, mapping)), pages.linked(mapping)]
    const found = () => strategy.tracks?.(device, mapping) ?? mapping.isLinked
    const entries: number[] = []
    for (let row = 0; row < 2 ** variables.length; row++) {
      for (const [at, variable] of variables.entries())
        symbols.variables[variable]!.show((row >> (variables.length - 1 - at)) & 1)
      entries.push(Number(!found()))
    }
    for (const variable of variables) symbols.variables[variable]!.show(symbols.variables[variable]!.initial)
    return { variables, entries }
  }
}

const OFF = 'memory is off, a reset runs or power is D3hot'

const broken = (property: string, message: string): Check => ({
  property,
  message,
  table: always(1),
  anyOf: [],
})
