/** Fact 2.8: a variant of a device that migrates by the table of states; 7.5: a reset against its steps. */
import {
  ControlledDriver,
  effect,
  LockRegistry,
  type Operation,
  randomSchedule,
  type StepEvent,
} from '@vfiokit/locking'
import {
  copyFromUser,
  copyToUser,
  DEVICE_FEATURE,
  DEVICE_IOCTL,
  DeviceMigration,
  type EngineCalls,
  FEATURE,
  MIG_DEVICE_STATE,
  MIGRATION_FLAGS,
  MIGRATION_STATE,
  type MigrationState,
  type MigrationSteps,
  OpenFile,
  type Transfer,
  unknownIoctl,
  VfioError,
} from '@vfiokit/vfio-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { machine, now, opened, RW } from '../fixtures/machine.ts'
import { outcome } from '../fixtures/outcome.ts'

const { ERROR, STOP, RUNNING, STOP_COPY, RESUMING, PRE_COPY } = MIGRATION_STATE
const GET = 0x1_0000
const SET = 0x2_0000
const STATE_BYTES = 8

/** The state of the device on its way out or in. */
class DataFile extends OpenFile {
  readonly title = 'migration data'
  isDiscarded = false

  constructor(readonly bytes: Uint8Array) {
    super()
  }

  override ioctl({ request }: { readonly request: number }): Operation<number> {
    throw unknownIoctl(this.title, request)
  }

  override *read({ process, buffer }: Transfer): Operation<number> {
    this.#refuseDiscarded()
    yield* copyToUser(process, buffer, 0, this.bytes)
    return this.bytes.length
  }

  override *write({ process, buffer }: Transfer): Operation<number> {
    this.#refuseDiscarded()
    yield* copyFromUser(process, buffer, 0, this.bytes)
    return this.bytes.length
  }

  protected override *release(): Operation<void> {}

  #refuseDiscarded(): void {
    if (this.isDiscarded) throw new VfioError('ENODEV', 'no-device', 'the device was reset')
  }
}

/** A device whose whole state is a few bytes. */
class SmallDevice implements MigrationSteps {
  readonly flags = MIGRATION_FLAGS.STOP_COPY
  state: Uint8Array = new Uint8Array(STATE_BYTES)
  readonly log: string[] = []
  /** The step into this state fails. */
  broken: MigrationState | undefined
  #data: DataFile | undefined;

  *step(from: MigrationState, to: MigrationState): Operation<OpenFile | undefined> {
    yield* effect(`step to ${to}`, [undefined], () => {})
    if (to === this.broken) throw new VfioError('EIO', 'unsupported', 'the firmware says no')
    this.log.push(`${from}>${to}`)
    if (from === RESUMING) this.state = this.#data!.bytes.slice()
    if (to === STOP_COPY) this.#data = new DataFile(this.state.slice())
    else if (to === RESUMING) this.#data = new DataFile(new Uint8Array(STATE_BYTES))
    else return undefined
    return this.#data
  }

  // biome-ignore lint/correctness/useYield: a driver is an operation, whether it waits or not
  *dataSize(): Operation<bigint> {
    return BigInt(STATE_BYTES)
  }

  discardData(): void {
    this.log.push('discard')
    if (this.#data !== undefined) this.#data.isDiscarded = true
  }
}

/** A process that has such a device open. */
function user() {
  const { core, drivers } = machine()
  const calls = core.process('p')
  const small = new SmallDevice()
  const migration = new DeviceMigration(small, core.locks.mutex('state_mutex:d0'))
  Object.assign(drivers[0]!, { migration })
  const [device] = now(opened(calls, ['d0']))
  const use = (flags: number, device_state: number) => {
    const payload = MIG_DEVICE_STATE.encode({ device_state, data_fd: 99 })
    const argument = DEVICE_FEATURE.encode({ argsz: 16, flags: flags | FEATURE.MIG_DEVICE_STATE }, 8)
    argument.set(payload, 8)
    const errno = errnoOf(() => now(calls.ioctl(device!.fd, DEVICE_IOCTL.DEVICE_FEATURE, argument)))
    return { errno, ...MIG_DEVICE_STATE.decode(argument.subarray(8)) }
  }
  return {
    small,
    migration,
    get: () => use(GET, ERROR).device_state,
    set: (state: number) => use(SET, state),
    data: bufferOf(calls),
  }
}

/** Moves migration data between a descriptor and the test. */
function bufferOf(calls: EngineCalls) {
  const request = { anonymous: true, lengthBytes: 4096, protection: RW, shared: false } as const
  const buffer = { address: now(calls.mmap(request)), lengthBytes: STATE_BYTES }
  return {
    read(fd: number): number[] | string {
      const errno = errnoOf(() => now(calls.pread(fd, buffer, 0)))
      if (errno !== 'none') return errno
      const bytes = new Uint8Array(STATE_BYTES)
      now(calls.load(buffer.address, bytes))
      return [...bytes]
    },
    write(fd: number, bytes: Uint8Array): string {
      now(calls.store(buffer.address, bytes))
      return errnoOf(() => now(calls.pwrite(fd, buffer, 0)))
    },
  }
}

function errnoOf(act: () => unknown): string {
  return outcome(() => {
    act()
    return 'none'
  })
}

describe('fact 2.8: a variant of a device', () => {
  test('moves its state to another device, step by step', () => {
    const [source, target] = [user(), user()]
    source.small.state = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)
    const out = source.set(STOP_COPY)
    const into = target.set(RESUMING)
    const data = source.data.read(out.data_fd)
    expect(target.data.write(into.data_fd, Uint8Array.from(data as number[]))).toBe('none')
    expect(target.set(RUNNING)).toMatchObject({ errno: 'none', data_fd: -1 })
    expect([...target.small.state]).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
    // Without P2P the table's steps over RUNNING_P2P fall out.
    expect([source.small.log, target.small.log]).toEqual([
      ['2>1', '1>3'],
      ['2>1', '1>4', '4>1', '1>2'],
    ])
  })

  test('that is where it is to go takes no step, and its data goes on', () => {
    const { set, get, small, data } = user()
    expect([set(RUNNING), small.log]).toEqual([{ errno: 'none', device_state: RUNNING, data_fd: -1 }, []])
    const { data_fd } = set(STOP_COPY)
    expect(set(STOP_COPY)).toMatchObject({ errno: 'none', data_fd: -1 })
    expect([get(), small.log]).toEqual([STOP_COPY, ['2>1', '1>3']])
    expect(data.read(data_fd)).toHaveLength(STATE_BYTES)
  })

  test('refuses states that it does not have, and ERROR', () => {
    const { set, get, small } = user()
    expect([PRE_COPY, ERROR, 8].map((state) => set(state).errno)).toEqual(['EINVAL', 'EINVAL', 'EINVAL'])
    expect([get(), small.log]).toEqual([RUNNING, []])
  })

  test('stays where it came to when a step fails, and gives no descriptor', () => {
    const { set, get, small } = user()
    small.broken = STOP_COPY
    expect(set(STOP_COPY)).toMatchObject({ errno: 'EIO', data_fd: -1 })
    expect(get()).toBe(STOP)
  })

  test('is RUNNING after a reset, and its data is gone', () => {
    const { set, get, migration, data } = user()
    const { data_fd } = set(STOP_COPY)
    now(migration.resetDone())
    expect([get(), data.read(data_fd)]).toEqual([RUNNING, 'ENODEV'])
    expect(set(STOP_COPY).errno).toBe('none')
  })

  test('may not begin data in a state that it only passes', () => {
    const make = new LockRegistry()
    const { core } = machine()
    const small = new SmallDevice()
    // biome-ignore lint/correctness/useYield: a step is an operation, whether it waits or not
    small.step = function* () {
      return new DataFile(new Uint8Array())
    }
    const migration = new DeviceMigration(small, make.mutex('state_mutex:d0'))
    const call = { process: core.process('p').process, payload: new Uint8Array() }
    expect(() => now(migration.setState(STOP_COPY, call))).toThrow('data on the way to state 3, in 1')
  })
})

describe('fact 7.5: a reset against a change of state', () => {
  test('neither waits, nor is it lost, nor does anybody begin before it is done', () => {
    fc.assert(
      fc.property(fc.nat(), fc.integer({ min: 1, max: 3 }), (seed, users) => {
        const { migration, small, call } = contested()
        const driver = new ControlledDriver({
          schedule: randomSchedule(seed),
          watchers: [(event) => watch(event, small.log)],
        })
        driver.spawn('reset', resetAtSomeTime(migration))
        for (let at = 0; at < users; at++)
          driver.spawn(`user${at}`, migration.setState(at % 2 === 0 ? STOP_COPY : STOP, call))
        expect(driver.run()).toMatchObject({ verdict: 'finished', failures: [] })
        expect(small.log.filter((entry) => entry === 'discard')).toHaveLength(1)
        expect(now(migration.getState())).toBe(endOf(small.log))
      }),
      { numRuns: 500 },
    )
  })
})

function contested() {
  const { core } = machine()
  const small = new SmallDevice()
  const call = { process: core.process('p').process, payload: new Uint8Array() }
  return { migration: new DeviceMigration(small, core.locks.mutex('state_mutex:d0')), small, call }
}

function* resetAtSomeTime(migration: DeviceMigration): Operation<void> {
  yield* effect('reset', [undefined], () => {})
  yield* migration.resetDone()
}

/** Notes in the log when the reset is known, and when a user gets the lock. */
function watch({ task, op, outcome }: StepEvent, log: string[]): void {
  if (task !== 'reset') {
    if (op.kind === 'acquire' && outcome !== 'waiting') log.push('locked')
    return
  }
  expect(outcome).not.toBe('waiting')
  if (op.kind === 'effect') log.push('reset')
}

/** Follows the steps: each begins where the one before it ended, or at RUNNING after the reset. */
function endOf(log: readonly string[]): number {
  let state: number = RUNNING
  let isPending = false
  for (const [at, entry] of log.entries()) {
    if (entry === 'reset') isPending = true
    if (entry === 'locked' && isPending) expect(log[at + 1]).toBe('discard')
    if (entry === 'discard') [state, isPending] = [RUNNING, false]
    const [from, to] = entry.split('>').map(Number)
    if (to === undefined) continue
    expect(from).toBe(state)
    state = to
  }
  return state
}
