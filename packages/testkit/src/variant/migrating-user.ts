/** A process that has a card open which migrates, and the states that it can be in. */
import {
  isMigrationState,
  MIGRATION_STATE,
  type MigrationState,
  migrationWay,
  VfioError,
} from '@vfiokit/vfio-core'
import { done, outcomeOf } from '../demand.ts'
import type { DeviceUser } from '../device-user.ts'
import { cardOf, type PluginBench } from '../plugin-bench.ts'
import type { RuleContext } from '../region-check.ts'
import { StreamingCalls } from './streaming-calls.ts'

const { STOP, RUNNING, RUNNING_P2P, STOP_COPY, RESUMING, PRE_COPY, PRE_COPY_P2P } = MIGRATION_STATE
const WORD_BYTES = 4
/** So much at the front of each BAR is likely to be state. */
const REGISTER_BYTES = 64

/** One open card. */
export class MigratingUser {
  readonly calls: StreamingCalls
  /** Data of the state that it was taken to; -1 when there is none. */
  dataFd = -1

  private constructor(
    readonly bench: PluginBench,
    readonly user: DeviceUser,
  ) {
    this.calls = new StreamingCalls(user.calls)
  }

  static open(bench: PluginBench): MigratingUser {
    return new MigratingUser(bench, bench.open())
  }

  /** Gives the first registers of every memory BAR other values. Those that refuse it stay as they are. */
  setRegisters(value: number): void {
    for (const { index, offset } of this.#words())
      outcomeOf(() => this.user.write(index, offset, Uint8Array.of(value, offset, index, value)))
  }

  /** What they are. */
  registers(): Uint8Array[] {
    return this.#words().map(({ index, offset }) => this.user.read(index, offset, WORD_BYTES))
  }

  #words(): { readonly index: number; readonly offset: number }[] {
    const { resources } = this.bench.bus.machine.hardware(cardOf(this.bench).bdf)!
    return resources
      .filter(({ kind, bar }) => kind === 'memory' && bar !== 'rom')
      .flatMap(({ bar, sizeBytes }) => {
        const words = Math.floor(Math.min(sizeBytes, REGISTER_BYTES) / WORD_BYTES)
        return Array.from({ length: words }, (_, at) => ({ index: bar as number, offset: at * WORD_BYTES }))
      })
  }
}

/** A card on a machine of its own, taken to a state. One that resumes has got all of another card's state. */
export function entered(context: RuleContext, state: MigrationState): MigratingUser {
  const card = MigratingUser.open(context.bench())
  const { calls } = card
  // The way into STOP_COPY and RESUMING begins in STOP: what is on it gives data of its own otherwise.
  if (state === STOP_COPY || state === RESUMING) done(calls.setState(STOP))
  card.dataFd = done(calls.setState(state))
  if (state === RESUMING)
    done(calls.write(card.dataFd, done(MigratingUser.open(context.bench()).calls.save())))
  return card
}

/** Every state but ERROR that a device with these flags can be in. */
export function statesOf(flags: number): MigrationState[] {
  return Object.values(MIGRATION_STATE).filter(
    (state) => state !== MIGRATION_STATE.ERROR && isMigrationState(state, flags),
  )
}

/** What the table says of going from one state to another; undefined when there is no way. */
export function wayBetween(
  from: MigrationState,
  to: MigrationState,
  flags: number,
): { readonly steps: number; readonly beginsData: boolean } | undefined {
  try {
    const way = [from, ...migrationWay(from, to, flags)]
    return { steps: way.length - 1, beginsData: DATA_BEGINS.has(`${way.at(-2)} ${way.at(-1)}`) }
  } catch (error) {
    if (VfioError.is(error, 'EINVAL')) return undefined
    throw error
  }
}

const DATA_BEGINS: ReadonlySet<string> = new Set([
  `${STOP} ${STOP_COPY}`,
  `${STOP} ${RESUMING}`,
  `${RUNNING} ${PRE_COPY}`,
  `${RUNNING_P2P} ${PRE_COPY_P2P}`,
])
