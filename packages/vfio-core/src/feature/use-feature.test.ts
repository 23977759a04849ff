import {
  copyToUser,
  DEVICE_FEATURE,
  DEVICE_IOCTL,
  type DeviceFeature,
  DMA_LOG_CONTROL,
  DMA_LOG_RANGE,
  DMA_LOG_REPORT,
  type DmaLogRange,
  FEATURE,
  KERNEL_VERSIONS,
  type KernelVersion,
  MIG_DEVICE_STATE,
  MIGRATION_FLAGS,
  type MigrationOps,
  VfioError,
} from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'
import { machine, now, opened, RW } from '../fixtures/machine.ts'

const GET = 0x1_0000
const SET = 0x2_0000
const PROBE = 0x4_0000

/** A device whose feature 3 can be set, with 16 bytes; it counts how often it was. */
function featured(kernel: KernelVersion, members: { migration?: MigrationOps; dmaLogging?: object } = {}) {
  const { core, drivers } = machine({ kernel })
  const calls = core.process('p')
  let uses = 0
  const settable: DeviceFeature = {
    payloadBytes: 16,
    // biome-ignore lint/correctness/useYield: a feature is an operation, whether it waits or not
    *set() {
      uses++
      return 0
    },
  }
  Object.assign(drivers[0]!, { feature: (index: number) => (index === 3 ? settable : undefined), ...members })
  const [device] = now(opened(calls, ['d0']))
  const use = (flags: number, payload: Uint8Array = new Uint8Array(16), argsz = 8 + payload.length) => {
    const argument = DEVICE_FEATURE.encode({ argsz, flags }, payload.length)
    argument.set(payload, 8)
    try {
      return now(calls.ioctl(device!.fd, DEVICE_IOCTL.DEVICE_FEATURE, argument))
    } catch (error) {
      if (VfioError.is(error)) return error.errno
      throw error
    } finally {
      payload.set(argument.subarray(8))
    }
  }
  return { calls, use, uses: () => uses }
}

describe.each(KERNEL_VERSIONS)('on %s', (kernel) => {
  const has3 = kernel !== '5.10'

  test.each([
    ['argsz below the header', SET | 3, 7, 'EINVAL'],
    ['an unknown flag', 0x8_0000 | 3, 24, 'EINVAL'],
    ['an unknown flag, before an unknown feature', 0x8_0000 | 99, 24, 'EINVAL'],
    ['get and set at once', GET | SET | 3, 24, 'EINVAL'],
    ['an unknown feature, before what is asked of it', 99, 24, 'ENOTTY'],
    ['a feature that this device lacks', PROBE | 4, 24, 'ENOTTY'],
    ['neither get, set nor probe', 3, 24, has3 ? 'EINVAL' : 'ENOTTY'],
    ['an operation it has not', GET | 3, 24, has3 ? 'EINVAL' : 'ENOTTY'],
    ['a probe of an operation it has not', PROBE | GET | SET | 3, 24, has3 ? 'EINVAL' : 'ENOTTY'],
    ['a payload too short', SET | 3, 23, has3 ? 'EINVAL' : 'ENOTTY'],
    ['a probe, whatever the payload', PROBE | SET | 3, 8, has3 ? 0 : 'ENOTTY'],
    ['a set', SET | 3, 24, has3 ? 0 : 'ENOTTY'],
  ] as const)('%s', (_what, flags, argsz, expected) => {
    const { use, uses } = featured(kernel)
    expect(use(flags, new Uint8Array(16), argsz)).toBe(expected)
    expect(uses()).toBe(expected === 0 && (flags & PROBE) === 0 ? 1 : 0)
  })

  test('migration features are there as far as kernel and device have them', () => {
    const { use } = featured(kernel, { migration: migration(MIGRATION_FLAGS.STOP_COPY).ops })
    const probed = [1, 2, 6, 9, 12].map((index) => use(PROBE | index))
    const known = { '5.10': [], '6.1': [0, 0], '6.12': [0, 0, 0], '7.2': [0, 0, 0, 'EINVAL'] }[kernel]
    const [flags = 'ENOTTY', state = 'ENOTTY', size = 'ENOTTY', precopy = 'ENOTTY'] = known
    expect(probed).toEqual([flags, state, 'ENOTTY', size, precopy])
  })
})

function migration(flags: number) {
  const asked: number[] = []
  let state = 2
  // biome-ignore-start lint/correctness/useYield: a driver is an operation, whether it waits or not
  const ops: MigrationOps = {
    flags,
    *getState() {
      return state
    },
    *setState(to) {
      asked.push(to)
      if (to === 0) throw new VfioError('EINVAL', 'unsupported', 'no way to ERROR')
      state = to
      return 7
    },
    *dataSize() {
      return 4096n
    },
    usePrecopyInfoV2: () => asked.push(-12),
  }
  // biome-ignore-end lint/correctness/useYield: a driver is an operation, whether it waits or not
  return { ops, asked }
}

describe('migration of a device', () => {
  test('its state is got, set, and answered with a descriptor; a failure with -1', () => {
    const { ops, asked } = migration(MIGRATION_FLAGS.STOP_COPY)
    const { use } = featured('7.2', { migration: ops })
    const payload = MIG_DEVICE_STATE.encode({ device_state: 1, data_fd: 55 })
    expect([use(SET | FEATURE.MIG_DEVICE_STATE, payload), MIG_DEVICE_STATE.decode(payload).data_fd]).toEqual([
      0, 7,
    ])
    expect([use(GET | FEATURE.MIG_DEVICE_STATE, payload), MIG_DEVICE_STATE.decode(payload)]).toEqual([
      0,
      { device_state: 1, data_fd: -1 },
    ])
    const error = MIG_DEVICE_STATE.encode({ device_state: 0, data_fd: 55 })
    expect([use(SET | FEATURE.MIG_DEVICE_STATE, error), MIG_DEVICE_STATE.decode(error).data_fd]).toEqual([
      'EINVAL',
      -1,
    ])
    expect(asked).toEqual([1, 0])
  })

  test('flags and size are got; pre-copy info needs a device with pre-copy', () => {
    const { ops, asked } = migration(MIGRATION_FLAGS.STOP_COPY | MIGRATION_FLAGS.PRE_COPY)
    const { use } = featured('7.2', { migration: ops })
    const [flags, size] = [new Uint8Array(8), new Uint8Array(8)]
    expect([use(GET | FEATURE.MIGRATION, flags), use(GET | FEATURE.MIG_DATA_SIZE, size)]).toEqual([0, 0])
    expect([flags[0], size[1]]).toEqual([5, 16])
    expect([use(SET | FEATURE.MIG_PRECOPY_INFOV2), asked]).toEqual([0, [-12]])
  })
})

describe('DMA logging of a device', () => {
  function logged() {
    const started: (readonly DmaLogRange[])[] = []
    // biome-ignore-start lint/correctness/useYield: a driver is an operation, whether it waits or not
    const dmaLogging = {
      *start(ranges: readonly DmaLogRange[]) {
        started.push(ranges)
      },
      *stop() {},
      *report() {},
    }
    // biome-ignore-end lint/correctness/useYield: a driver is an operation, whether it waits or not
    const { calls, use } = featured('7.2', { dmaLogging })
    const request = { anonymous: true, lengthBytes: 4096, protection: RW, shared: false } as const
    const address = now(calls.mmap(request))
    const start = (ranges: readonly DmaLogRange[], count = ranges.length, page_size = 4096n) => {
      const bytes = new Uint8Array(ranges.length * 16)
      for (const [at, range] of ranges.entries()) DMA_LOG_RANGE.write(bytes, range, at * 16)
      now(copyToUser(calls.process, { address, lengthBytes: 4096 }, 0, bytes))
      const payload = DMA_LOG_CONTROL.encode({ page_size, num_ranges: count, ranges: BigInt(address) })
      return use(SET | FEATURE.DMA_LOGGING_START, payload)
    }
    return { use, start, started }
  }

  test('ranges are aligned, apart, and not too many', () => {
    const { start, started } = logged()
    const range = { iova: 0n, length: 4096n }
    expect([start([]), start([range], 257), start([{ iova: 0x800n, length: 4096n }])]).toEqual([
      'EINVAL',
      'E2BIG',
      'EINVAL',
    ])
    expect(start([{ iova: 2n ** 64n - 4096n, length: 8192n }])).toBe('EOVERFLOW')
    expect([start([range, range]), start([range, { iova: 4096n, length: 4096n }]), started.length]).toEqual([
      'EINVAL',
      0,
      1,
    ])
  })

  test('a report is of pages that are a power of two and not smaller than 4 KiB', () => {
    const { use } = logged()
    const report = (page_size: bigint, iova = 0n, length = 4096n) =>
      use(GET | FEATURE.DMA_LOGGING_REPORT, DMA_LOG_REPORT.encode({ iova, length, page_size }))
    expect([report(2048n), report(12_288n), report(0n), report(4096n)]).toEqual([
      'EINVAL',
      'EINVAL',
      'EINVAL',
      0,
    ])
    expect(report(4096n, 2n ** 64n - 1n)).toBe('EOVERFLOW')
  })
})
