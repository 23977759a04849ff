/** A client: it does its steps in turn, pauses, and begins again, for ever. */
import { type Operation, type OpResult, randomSchedule } from '@vfiokit/locking'
import type { Costs } from '../costs.ts'
import type { ContendedDevice } from '../machine/contended-device.ts'
import type { ContendedMapping } from '../machine/contended-mapping.ts'
import { found, type Machine } from '../machine/machine.ts'
import * as verbs from '../machine/verbs.ts'
import { WANTED, type ZapCause } from '../machine/zap-ledger.ts'
import type { OperationKind, Tally } from '../measure/tally.ts'
import type { Action, Script } from '../time/script.ts'
import type { WorkStep } from '../workload.ts'
import { Scan } from './scan.ts'

/** Where a client works. */
export interface ClientPlace {
  readonly machine: Machine
  readonly tally: Tally
  readonly costs: Costs
  /** Simulated nanoseconds. */
  readonly now: () => number
}

/** What one client is. */
export interface ClientRole {
  readonly steps: readonly WorkStep[]
  /** Rounds per second; the pauses between them are exponential. */
  readonly rate: number
  readonly seed: number
}

type StepOf<K extends WorkStep['do']> = WorkStep & { readonly do: K }
type Runner<K extends WorkStep['do']> = (client: Client, step: StepOf<K>) => Script

const NS_PER_SECOND = 1e9
/** Where draws are cut: 31 bits of a fraction. */
const FRACTIONS = 2 ** 31

/** By name; the type says that none is missing. */
const RUNNERS: { readonly [K in WorkStep['do']]: Runner<K> } = {
  touch: (client, { mapping }) => client.touch(mapping),
  *access(client, { device: name }) {
    const device = client.device(name)
    const errno = yield* client.measured('access', verbs.accessMemory(client.machine, device), device)
    if (errno !== undefined) client.place.tally.denied++
  },
  'set-memory': (client, { device, on }) =>
    client.onDevice('toggle', device, (each) => verbs.setMemory(client.machine, each, on)),
  power: (client, { device, state }) =>
    client.onDevice('power', device, (each) => verbs.changePower(client.machine, each, state)),
  reset: (client, { device }) =>
    client.onDevice('function-reset', device, (each) => verbs.resetDevice(client.machine, each)),
  'hot-reset': (client, { onBusy }) => client.hotReset(onBusy === 'retry'),
  open: (client, { device }) =>
    client.onDevice('open', device, (each) => verbs.openOnce(client.machine, each)),
  close: (client, { device }) =>
    client.onDevice('close', device, (each) => verbs.closeOnce(client.machine, each)),
  munmap: (client, { mapping }) => client.onCopies('munmap', mapping, verbs.unmap),
  mmap: (client, { mapping }) => client.onCopies('mmap', mapping, verbs.map),
}

/** Makes the script of one client. */
export class Client {
  readonly #role: ClientRole
  readonly #draw: (count: number) => number
  readonly #scans = new Map<string, Scan>()

  constructor(
    readonly place: ClientPlace,
    role: ClientRole,
  ) {
    this.#role = role
    this.#draw = randomSchedule(role.seed)
  }

  get machine(): Machine {
    return this.place.machine
  }

  *script(): Script {
    const { rate, steps } = this.#role
    if (rate === 0) return
    for (;;) {
      yield pause(this.#exponential(NS_PER_SECOND / rate))
      for (const step of steps) yield* (RUNNERS[step.do] as Runner<WorkStep['do']>)(this, step)
    }
  }

  device(name: string): ContendedDevice {
    return found(this.machine.devices, name, 'device')
  }

  /** Goes on in the mapping, page by page; where it begins again the mapping is made anew. */
  *touch(name: string): Script {
    const { machine, place } = this
    const { tally, costs } = place
    const { mapping, page } = this.#scan(name).next()
    if (page === 0 && mapping.isLinked)
      yield* this.measured('remap', verbs.remap(machine, mapping), mapping.device)
    if (mapping.isLinked && mapping.has(page)) {
      tally.hits++
      return yield pause(costs.access)
    }
    const reason = mapping.reasonOf(page)
    tally.begin(this, 'fault', place.now())
    const outcome = yield operationOf(verbs.touchPage(machine, mapping, page), mapping.device)
    if (outcome === 'nopage') {
      tally.end(this, place.now())
      tally.faults[reason]++
    } else {
      tally.drop(this)
      tally.denied++
    }
  }

  /** The latency is that from the first attempt to the reset; one that gives up has none. */
  *hotReset(retries: boolean): Script {
    const { machine, place } = this
    const { tally, costs } = place
    tally.begin(this, 'hot-reset', place.now())
    for (;;) {
      const ticket = machine.ledger.nextTicket()
      const operation = verbs.resetSet(machine)
      tally.attempts++
      const errno = yield { do: 'operation', operation, cause: { device: undefined, ticket } }
      if (errno !== 'EBUSY') return tally.end(this, place.now())
      machine.ledger.refuse(ticket)
      tally.refused++
      if (!retries) return tally.drop(this)
      yield pause(costs.retry)
    }
  }

  *onDevice(
    kind: OperationKind,
    name: string,
    verb: (device: ContendedDevice) => Operation<unknown>,
  ): Script {
    const device = this.device(name)
    yield* this.measured(kind, verb(device), device)
  }

  *onCopies(
    kind: OperationKind,
    name: string,
    verb: (machine: Machine, mapping: ContendedMapping) => Operation<unknown>,
  ): Script {
    for (const mapping of found(this.machine.mappings, name, 'mapping'))
      yield* this.measured(kind, verb(this.machine, mapping), mapping.device)
  }

  /** One operation for the sake of one device, from its beginning to its end. */
  *measured(
    kind: OperationKind,
    operation: Operation<unknown>,
    device: ContendedDevice,
  ): Generator<Action, OpResult, OpResult> {
    const { tally, now } = this.place
    tally.begin(this, kind, now())
    const result = yield operationOf(operation, device)
    tally.end(this, now())
    return result
  }

  /** Whole nanoseconds. */
  #exponential(mean: number): number {
    return Math.round(-Math.log1p(-this.#draw(FRACTIONS) / FRACTIONS) * mean)
  }

  #scan(name: string): Scan {
    let scan = this.#scans.get(name)
    if (scan === undefined) {
      scan = new Scan(found(this.machine.mappings, name, 'mapping'), this.#draw)
      this.#scans.set(name, scan)
    }
    return scan
  }
}

function pause(ns: number): Action {
  return { do: 'pause', ns }
}

function operationOf(operation: Operation<unknown>, device: ContendedDevice): Action {
  const cause: ZapCause = { device, ticket: WANTED }
  return { do: 'operation', operation, cause }
}
