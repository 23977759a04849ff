/** Migration by a variant driver: one step between two states at a time. Kernel: `struct vfio_migration_ops`. */
import { effect, type Operation, type VfioErrno } from '@vfiokit/locking'
import {
  MIGRATION_FLAGS,
  MIGRATION_STATE,
  type MigrationState,
  type MigrationSteps,
  VfioError,
} from '@vfiokit/vfio-core'
import { errnoIn, type PluginCalls } from '../plugin-calls.ts'
import type { Answer } from '../region/region.ts'
import { synchronous } from '../region/synchronous.ts'
import { MigrationDataFile } from './migration-data-file.ts'

/** A state by its name in linux/vfio.h. */
export type MigrationStateName = Exclude<keyof typeof MIGRATION_STATE, 'ERROR'>

/** How much is left to copy while the device still runs. */
export interface PreCopyInfo {
  readonly initialBytes: number
  readonly dirtyBytes: number
}

/** State on its way out. */
export interface MigrationSource {
  /**
   * Fills the front of `out`.
   *
   * @returns how many bytes; 0 at the end. In PRE_COPY, ENOMSG when there is nothing for now.
   */
  read(out: Uint8Array): number | VfioErrno
  /** Only for a device with pre-copy; EINVAL once the device was stopped. */
  preCopy?(): PreCopyInfo | VfioErrno
}

/** State on its way in. */
export interface MigrationSink {
  /** Takes the next bytes; what is wrong with them may be noticed when RESUMING ends. */
  write(data: Uint8Array): Answer
}

/** What a device that can be migrated does. */
export interface VariantMigration {
  /** It has RUNNING_P2P. */
  readonly p2p?: boolean
  /** It has PRE_COPY. */
  readonly preCopy?: boolean
  /**
   * Takes the device one step, as the table of states has it. Data begins on the way into STOP_COPY from
   * STOP, into PRE_COPY from RUNNING, into PRE_COPY_P2P from RUNNING_P2P, and into RESUMING; it goes on from
   * PRE_COPY to STOP_COPY.
   *
   * @returns the data that begins here, or an errno: the device is still where it was.
   */
  step(from: MigrationStateName, to: MigrationStateName): Answer | MigrationSource | MigrationSink
  /** About how much STOP_COPY would give. */
  dataSizeBytes(): number
  /** A reset or the last close ended it: the state is RUNNING again, and data that was on its way is lost. */
  discard?(): void
}

/** Steps that end a stream: whoever has its file open gets ENODEV. Kernel: `mlx5vf_disable_fds`. */
const ENDS_DATA: ReadonlySet<string> = new Set([
  'STOP_COPY STOP',
  'RESUMING STOP',
  'PRE_COPY RUNNING',
  'PRE_COPY_P2P RUNNING_P2P',
])

/** What {@link DeviceMigration} asks for. */
export function migrationSteps(migration: VariantMigration, calls: PluginCalls): MigrationSteps {
  const { STOP_COPY, P2P, PRE_COPY } = MIGRATION_FLAGS
  let data: MigrationDataFile | undefined
  const endData = () => {
    if (data !== undefined) data.isDiscarded = true
    data = undefined
  }
  const discardData = () => {
    endData()
    calls.tolerated('migration discard', () => migration.discard?.())
  }
  return {
    flags: STOP_COPY | (migration.p2p ? P2P : 0) | (migration.preCopy ? PRE_COPY : 0),
    discardData,
    *step(from, to) {
      const begun = yield* effect<MigrationSource | MigrationSink | undefined>(
        `migration step ${from} to ${to}`,
        [undefined],
        () => calls.answer('migration step', () => streamIn(migration.step(nameOf(from), nameOf(to)))),
      )
      if (ENDS_DATA.has(`${nameOf(from)} ${nameOf(to)}`)) endData()
      if (begun === undefined) return undefined
      data = new MigrationDataFile(begun, calls)
      return data
    },
    *dataSize(): Operation<bigint> {
      return yield* effect<bigint>('migration data size', [], () =>
        calls.answer('migration dataSizeBytes', () => sizeIn(synchronous(migration.dataSizeBytes()))),
      )
    },
  }
}

/** @throws VfioError for an errno, TypeError for what is no data. */
function streamIn(given: unknown): MigrationSource | MigrationSink | undefined {
  const answer = synchronous(given)
  if (answer === undefined || typeof answer === 'string') {
    const errno = errnoIn(answer)
    if (errno === undefined) return undefined
    throw new VfioError(errno, 'plugin-refused', 'a migration step')
  }
  if (typeof answer === 'object' && answer !== null && ('read' in answer || 'write' in answer))
    return answer as MigrationSource | MigrationSink
  throw new TypeError(`it answered ${String(answer)}, which is neither data nor an errno`)
}

/** @throws RangeError for what is no number of bytes. */
function sizeIn(answer: unknown): bigint {
  if (Number.isSafeInteger(answer) && (answer as number) >= 0) return BigInt(answer as number)
  throw new RangeError(`it answered ${String(answer)}, which is no number of bytes`)
}

const NAMES = new Map(Object.entries(MIGRATION_STATE).map(([name, state]) => [state, name]))

function nameOf(state: MigrationState): MigrationStateName {
  return NAMES.get(state) as MigrationStateName
}
