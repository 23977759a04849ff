/**
 * The states of a device that is migrated, and the steps between them. For drivers that migrate.
 * Kernel: `vfio_mig_get_next_state`.
 */
import { VfioError } from '../vfio-error.ts'

/** `VFIO_DEVICE_STATE_*` */
export const MIGRATION_STATE = {
  ERROR: 0,
  STOP: 1,
  RUNNING: 2,
  STOP_COPY: 3,
  RESUMING: 4,
  RUNNING_P2P: 5,
  PRE_COPY: 6,
  PRE_COPY_P2P: 7,
} as const

/** One of the states. */
export type MigrationState = (typeof MIGRATION_STATE)[keyof typeof MIGRATION_STATE]

/** `VFIO_MIGRATION_*`: what a device can do. */
export const MIGRATION_FLAGS = { STOP_COPY: 1, P2P: 2, PRE_COPY: 4 } as const

const { ERROR, STOP, RUNNING, STOP_COPY, RESUMING, RUNNING_P2P, PRE_COPY, PRE_COPY_P2P } = MIGRATION_STATE

/** What a state needs beyond STOP_COPY, in the order of the states. */
const NEEDS: readonly number[] = [
  0,
  0,
  0,
  0,
  0,
  MIGRATION_FLAGS.P2P,
  MIGRATION_FLAGS.PRE_COPY,
  MIGRATION_FLAGS.P2P | MIGRATION_FLAGS.PRE_COPY,
]

/** Row: from; column: to. The first step on the way; ERROR where there is none. */
const STEPS: readonly (readonly MigrationState[])[] = [
  [ERROR, ERROR, ERROR, ERROR, ERROR, ERROR, ERROR, ERROR],
  [ERROR, STOP, RUNNING_P2P, STOP_COPY, RESUMING, RUNNING_P2P, RUNNING_P2P, RUNNING_P2P],
  [ERROR, RUNNING_P2P, RUNNING, RUNNING_P2P, RUNNING_P2P, RUNNING_P2P, PRE_COPY, RUNNING_P2P],
  [ERROR, STOP, STOP, STOP_COPY, STOP, STOP, ERROR, ERROR],
  [ERROR, STOP, STOP, STOP, RESUMING, STOP, STOP, STOP],
  [ERROR, STOP, RUNNING, STOP, STOP, RUNNING_P2P, RUNNING, PRE_COPY_P2P],
  [ERROR, RUNNING, RUNNING, PRE_COPY_P2P, RUNNING, RUNNING, PRE_COPY, PRE_COPY_P2P],
  [ERROR, RUNNING_P2P, RUNNING_P2P, STOP_COPY, RUNNING_P2P, RUNNING_P2P, PRE_COPY, PRE_COPY_P2P],
]

/** Whether a number is a state, and one that a device with these flags can be in. */
export function isMigrationState(state: number, flags: number): state is MigrationState {
  const needs = NEEDS[state]
  return needs !== undefined && (flags & MIGRATION_FLAGS.STOP_COPY) !== 0 && (flags & needs) === needs
}

/**
 * The next state on the way to another. A device that lacks a state skips it.
 *
 * @param flags - MIGRATION_FLAGS of the device.
 * @returns `to` itself when one step is enough.
 * @throws VfioError EINVAL when there is no way, or a state is none that the device has.
 */
export function nextMigrationState(from: MigrationState, to: number, flags: number): MigrationState {
  if (!isMigrationState(from, flags) || !isMigrationState(to, flags)) throw noWay(from, to)
  let next = STEPS[from]![to]!
  while (!isMigrationState(next, flags)) next = STEPS[next]![to]!
  if (next === ERROR) throw noWay(from, to)
  return next
}

/**
 * Every state on the way, `to` included: none when it is there already.
 *
 * @throws VfioError as {@link nextMigrationState}.
 */
export function* migrationWay(from: MigrationState, to: number, flags: number): Generator<MigrationState> {
  for (let at = from; at !== to; ) {
    at = nextMigrationState(at, to, flags)
    yield at
  }
}

function noWay(from: number, to: number): VfioError {
  return new VfioError('EINVAL', 'unsupported', `no way from migration state ${from} to ${to}`)
}
