// biome-ignore-all lint/correctness/useYield: a driver is an operation, whether it waits or not
import {
  copyToUser,
  type DmaLoggingOps,
  type DmaLogRange,
  MIGRATION_FLAGS,
  MIGRATION_STATE,
  MigrationCalls,
  type MigrationOps,
  precopyInfo,
} from '@vfiokit/vfio-core'
import { expect, test } from 'vitest'
import { machine, now, opened } from './fixtures/machine.ts'
import { outcome } from './fixtures/outcome.ts'

/** More pages than have bits in one page of memory. */
const LOGGED = { iova: 0x7000_0000_0000n, length: 4096n * 40_000n }
const TOUCHED = [0, 7, 8, 32_767, 32_768, 39_999]

function user() {
  const { core, drivers } = machine()
  const log: unknown[] = []
  let state: number = MIGRATION_STATE.RUNNING
  const migration: MigrationOps = {
    flags: MIGRATION_FLAGS.STOP_COPY,
    *getState() {
      return state
    },
    *setState(wanted) {
      state = wanted
      return wanted === MIGRATION_STATE.STOP_COPY ? 77 : -1
    },
    *dataSize() {
      return 2n ** 60n
    },
  }
  const dmaLogging: DmaLoggingOps = {
    *start(ranges, pageSize) {
      log.push(ranges, pageSize)
    },
    *stop() {
      log.push('stop')
    },
    *report(_range: DmaLogRange, _pageSize, bitmap, { process }) {
      for (const page of TOUCHED) {
        const place = { address: Number(bitmap) + Math.floor(page / 8), lengthBytes: 1 }
        const others = TOUCHED.filter((each) => Math.floor(each / 8) === Math.floor(page / 8))
        const byte = others.reduce((bits, each) => bits | (1 << (each % 8)), 0)
        yield* copyToUser(process, place, 0, Uint8Array.of(byte))
      }
    },
  }
  Object.assign(drivers[0]!, { migration, dmaLogging })
  const calls = core.process('p')
  const [device] = now(opened(calls, ['d0']))
  return { calls, log, migrating: new MigrationCalls(device!) }
}

test('a state is set and asked, with a descriptor or none', () => {
  const { migrating } = user()
  expect([
    now(migrating.state()),
    now(migrating.setState(MIGRATION_STATE.STOP_COPY)),
    now(migrating.state()),
    now(migrating.setState(MIGRATION_STATE.STOP)),
    now(migrating.dataSize()),
  ]).toEqual([MIGRATION_STATE.RUNNING, 77, MIGRATION_STATE.STOP_COPY, -1, 2n ** 60n])
})

test('ranges go into memory, and bits come back from it: its own, which is given back', () => {
  const { calls, log, migrating } = user()
  const ranges = Array.from({ length: 250 }, (_, at) => ({ iova: BigInt(at) * 8192n, length: 4096n }))
  now(migrating.startDmaLogging(ranges, 4096n))
  expect(now(migrating.reportDmaLog(LOGGED, 4096n))).toEqual(
    TOUCHED.map((page) => LOGGED.iova + 4096n * BigInt(page)),
  )
  now(migrating.stopDmaLogging())
  expect(log).toEqual([ranges, 4096n, 'stop'])
  expect([...calls.process.memory.all]).toEqual([])
})

test('what is refused leaves no memory behind', () => {
  const { calls, migrating } = user()
  expect(outcome(() => now(migrating.startDmaLogging([], 4096n)))).toBe('EINVAL')
  expect(outcome(() => now(migrating.reportDmaLog(LOGGED, 0n)))).toBe('EINVAL')
  expect(outcome(() => now(precopyInfo(calls, 99)))).toBe('EBADF')
  expect([...calls.process.memory.all]).toEqual([])
})
