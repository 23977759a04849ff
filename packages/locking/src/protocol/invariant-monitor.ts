/** Asks the invariants after every step of a controlled run, each only where it could break. */
import type { SetOp } from '../cell.ts'
import type { StepEvent } from '../driver/controlled.ts'
import { ProtocolError } from '../driver/protocol-error.ts'
import type { EffectOp } from '../effect.ts'
import { isOp } from '../op-kinds.ts'
import type { InsertOp } from '../page-ops.ts'
import type { AnyLockingStrategy } from '../strategy.ts'
import {
  changedExclusively,
  discoverable,
  hitsAllOrNone,
  INVARIANTS,
  type InvariantId,
  leavesNothing,
  showsSamePlace,
  touchedInsideReadSide,
  unreachableWhileOff,
} from './invariants.ts'
import type { ProtocolDevice } from './protocol-device.ts'

/** The first step that broke an invariant. */
export interface Violation {
  readonly step: number
  readonly task: string
  readonly message: string
}

/** What became of one invariant in a run. */
export interface InvariantReport {
  readonly id: InvariantId
  readonly statement: string
  readonly holds: boolean
  /** How often it was asked. Zero means the run says nothing about it. */
  readonly checked: number
  readonly violation: Violation | undefined
}

interface Tally {
  checked: number
  violation: Violation | undefined
}

/** A watcher of one host. */
export class InvariantMonitor {
  readonly #tallies = new Map<InvariantId, Tally>()
  readonly #byId = new Map<string, ProtocolDevice>()
  readonly #byCell = new Map<unknown, { device: ProtocolDevice; exclusive: boolean }>()

  constructor(
    readonly strategy: AnyLockingStrategy,
    devices: Iterable<ProtocolDevice>,
  ) {
    for (const id of Object.keys(INVARIANTS) as InvariantId[])
      this.#tallies.set(id, { checked: 0, violation: undefined })
    for (const device of devices) {
      this.#byId.set(device.id, device)
      const { memoryEnabled, power, lowPower, inReset } = device.cells
      this.#byCell.set(memoryEnabled, { device, exclusive: true })
      this.#byCell.set(power, { device, exclusive: true })
      if (lowPower !== undefined) this.#byCell.set(lowPower, { device, exclusive: true })
      this.#byCell.set(inReset, { device, exclusive: false })
    }
  }

  /** The invariants that a violation was seen of. */
  get broken(): InvariantReport[] {
    return this.report().filter((report) => !report.holds)
  }

  /** Looks at one step. Give it to a ControlledDriver as a watcher. */
  readonly watch = (event: StepEvent): void => {
    const { op } = event
    if (op.kind === 'release' || event.outcome === 'failed') this.#afterRelease(event)
    if (event.outcome !== 'performed') return
    if (isOp(op, 'access') && event.result === true)
      this.note('I5', event, showsSamePlace(op.mapping, op.page))
    else if (isOp(op, 'insert')) this.#afterInsert(event, op)
    else if (isOp(op, 'set')) this.#afterSet(event, op)
    else if (isOp(op, 'effect')) this.#afterEffect(event, op)
    else if (isOp(op, 'zap')) this.note('I8', event, leavesNothing(op.space, op.ranges))
    else if (isOp(op, 'zap-mapping'))
      this.note('I8', event, op.mapping.presentPages === 0 ? undefined : `${op.mapping.id} kept pages`)
  }

  /** Counts one answer of an invariant; the first violation is kept. */
  note(id: InvariantId, at: { step: number; task: string }, violated: string | undefined): void {
    const tally = this.#tallies.get(id)!
    tally.checked++
    if (violated !== undefined && tally.violation === undefined)
      tally.violation = { step: at.step, task: at.task, message: violated }
  }

  /** One line per invariant, in order. */
  report(): InvariantReport[] {
    return [...this.#tallies].map(([id, { checked, violation }]) => ({
      id,
      statement: INVARIANTS[id],
      holds: violation === undefined,
      checked,
      violation,
    }))
  }

  /** Each release counts; one of a lock that is not held, or a path that ends with a lock, breaks it. */
  #afterRelease(event: StepEvent): void {
    const { result } = event
    const broken =
      ProtocolError.is(result) && (result.rule === 'released-not-held' || result.rule === 'lock-left')
    if (broken || event.op.kind === 'release') this.note('I7', event, broken ? result.message : undefined)
  }

  #afterInsert(event: StepEvent, op: InsertOp): void {
    const device = this.#byId.get(op.mapping.device.id)
    if (device === undefined) return
    this.note('I1', event, unreachableWhileOff(device))
    if (op.mapping.followsMemory) this.note('I4', event, discoverable(this.strategy, device, op.mapping))
  }

  #afterSet(event: StepEvent, op: SetOp<unknown>): void {
    const owner = this.#byCell.get(op.cell)
    if (owner === undefined) return
    this.note('I1', event, unreachableWhileOff(owner.device))
    if (owner.exclusive) this.note('I3', event, changedExclusively(this.strategy, owner.device, event.held))
  }

  #afterEffect(event: StepEvent, op: EffectOp<unknown>): void {
    if (op.subject === undefined) return
    const devices = op.subject.devices.flatMap((device) => this.#byId.get(device.id) ?? [])
    if (op.subject.kind === 'bus-reset')
      this.note('I6', event, hitsAllOrNone(this.strategy, devices, event.held))
    else
      for (const device of devices)
        this.note('I2', event, touchedInsideReadSide(this.strategy, device, event.held))
  }
}
