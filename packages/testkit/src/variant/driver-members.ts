/** How each member of a variant driver is reached, and what the caller gets when it fails. */
import { DEVICE_IOCTL, MIGRATION_STATE, type MigrationState, openDeviceIn } from '@vfiokit/vfio-core'
import type { Variant, VariantDriver } from '@vfiokit/vfio-pci'
import { done, outcomeOf } from '../demand.ts'
import type { DeviceUser } from '../device-user.ts'
import { anyReset, DISTURBANCES } from '../disturbance.ts'
import { CARD } from '../fixture-topology.ts'
import type { PluginBench } from '../plugin-bench.ts'
import { knows } from './driver-use.ts'
import { FeatureCalls } from './feature-calls.ts'
import { ALL_PAGES, LoggingUser } from './logging-user.ts'
import { StreamingCalls } from './streaming-calls.ts'

const { RUNNING, STOP, STOP_COPY, RESUMING, PRE_COPY } = MIGRATION_STATE

/** A member, and what reaches it. */
export interface DriverMember {
  /** As failures name it. */
  readonly name: string
  /** How the call ends when the member fails. */
  readonly outcome: string
  /** The device is closed afterwards, or cannot be asked that again. */
  readonly isLast?: true
  /** @throws VfioError as the caller gets it. */
  call(user: DeviceUser, bench: PluginBench): void
}

/** Every member that is there, in the order of a device's life. */
export function driverMembers(
  variant: Variant,
  driver: Pick<VariantDriver, 'match'>,
  bench: PluginBench,
): DriverMember[] {
  const { migration, dmaLog } = variant
  const hooks = HOOKS.filter(({ name }) => (name === 'match' ? driver.match : variant[name]) !== undefined)
  const possible = hooks.filter(({ name }) => !name.startsWith('reset') || anyReset(bench) !== undefined)
  return [
    ...possible,
    ...featureMembers(variant),
    ...(migration !== undefined && knows(bench, 'MIGRATION')
      ? MIGRATION.filter(({ needs }) => needs?.(migration, bench) ?? true)
      : []),
    ...(dmaLog !== undefined && knows(bench, 'DMA_LOGGING_START') ? LOG : []),
  ]
}

type Hook = 'match' | 'ioctl' | 'errorDetected' | 'resetPrepare' | 'resetDone' | 'request' | 'close'

const HOOKS: readonly (DriverMember & { readonly name: Hook })[] = [
  { name: 'match', outcome: 'EIO', call: (user) => openAgain(user) },
  {
    name: 'ioctl',
    outcome: 'EIO',
    call: ({ process, calls }) =>
      void done(process.calls.ioctl(calls.fd, DEVICE_IOCTL.DEVICE_GET_INFO, new Uint8Array(32)) as never),
  },
  { name: 'errorDetected', outcome: 'ok', call: (_user, { bus }) => bus.reportError(CARD) },
  { name: 'resetPrepare', outcome: 'ok', call: (user, bench) => anyReset(bench)!.begin(user, bench) },
  { name: 'resetDone', outcome: 'ok', call: (user, bench) => anyReset(bench)!.begin(user, bench) },
  { name: 'request', outcome: 'ok', isLast: true, call: (_user, { bus }) => void bus.unbind(CARD) },
  { name: 'close', outcome: 'ok', isLast: true, call: (user) => user.close() },
]

/** Opens the device once more in the same process. */
function openAgain({ device, groupFd, calls }: DeviceUser): void {
  done(done(openDeviceIn(calls.calls, groupFd, device.id)).close())
}

function featureMembers({ features = new Map() }: Variant): DriverMember[] {
  return [...features].flatMap(([index, feature]) =>
    (['get', 'set'] as const)
      .filter((operation) => feature[operation] !== undefined)
      .map((operation) => ({
        name: `feature ${index} ${operation}`,
        outcome: 'EIO',
        call: ({ calls }) =>
          void done(new FeatureCalls(calls)[operation](index, new Uint8Array(feature.payloadBytes))),
      })),
  )
}

type Needs = (migration: NonNullable<Variant['migration']>, bench: PluginBench) => boolean

const hasReset: Needs = (_migration, bench) => DISTURBANCES['function reset'].possible(bench)

const MIGRATION: readonly (DriverMember & { readonly needs?: Needs })[] = [
  {
    name: 'migration step',
    outcome: 'EIO',
    call: ({ calls }) => inState(new StreamingCalls(calls), STOP, () => {}),
  },
  {
    name: 'migration dataSizeBytes',
    outcome: 'EIO',
    call: ({ calls }) => void done(new StreamingCalls(calls).dataSize()),
  },
  {
    name: 'migration discard',
    outcome: 'ok',
    needs: (migration, bench) => migration.discard !== undefined && hasReset(migration, bench),
    call: (user) => user.reset(),
  },
  {
    name: 'migration data read',
    outcome: 'EIO',
    call: ({ calls }) => {
      const migration = new StreamingCalls(calls)
      inState(migration, STOP_COPY, (fd) => void done(migration.read(fd)))
    },
  },
  {
    name: 'migration data write',
    outcome: 'EIO',
    needs: hasReset,
    call: (user) => {
      const migration = new StreamingCalls(user.calls)
      const stream = done(migration.save())
      try {
        done(migration.write(done(migration.setState(RESUMING)), stream))
      } finally {
        // Half of a stream is no state to go on with.
        user.reset()
      }
    },
  },
  {
    name: 'migration data preCopy',
    outcome: 'EIO',
    needs: ({ preCopy }) => preCopy === true,
    call: ({ calls }) => {
      const migration = new StreamingCalls(calls)
      inState(migration, PRE_COPY, (fd) => void done(migration.preCopyInfo(fd)))
    },
  },
]

/** Takes the device to a state and back. */
function inState(migration: StreamingCalls, state: MigrationState, use: (fd: number) => void): void {
  const fd = done(migration.setState(state))
  try {
    use(fd)
  } finally {
    done(migration.setState(RUNNING))
    if (fd >= 0) done(migration.closeData(fd))
  }
}

const LOG: readonly DriverMember[] = [
  {
    name: 'DMA log start',
    outcome: 'EIO',
    call: (user, bench) => logging(user, bench, (log) => void done(log.stop())),
  },
  {
    name: 'DMA log report',
    outcome: 'EIO',
    call: (user, bench) =>
      logging(user, bench, (log) => {
        try {
          done(log.report())
        } finally {
          done(log.stop())
        }
      }),
  },
  {
    name: 'DMA log stop',
    outcome: 'EIO',
    call: (user, bench) =>
      withMemory(user, bench, (log) => {
        // Still on when the stop before this one failed.
        outcomeOf(() => done(log.start(ALL_PAGES)))
        done(log.stop())
      }),
  },
]

function logging(user: DeviceUser, bench: PluginBench, use: (log: LoggingUser) => void): void {
  withMemory(user, bench, (log) => {
    done(log.start(ALL_PAGES))
    use(log)
  })
}

function withMemory(user: DeviceUser, bench: PluginBench, use: (log: LoggingUser) => void): void {
  const log = LoggingUser.of(user, bench)
  try {
    use(log)
  } finally {
    log.release()
  }
}
