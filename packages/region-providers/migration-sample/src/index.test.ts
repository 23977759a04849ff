/** From one card to another through the ABI: state, pre-copy, resets on the way, and what a card wrote. */
import { createHost } from '@vfiokit/host'
import { runLive } from '@vfiokit/locking'
import plugin, { migrationSample } from '@vfiokit/region-migration-sample'
import { testVariantDriver } from '@vfiokit/testkit'
import { Bdf } from '@vfiokit/topology'
import {
  CONTAINER_IOCTL,
  callsOf,
  DEVICE_FEATURE_FLAGS,
  type DeviceCalls,
  DMA_MAP,
  FEATURE,
  MIG_FLAGS,
  MIGRATION_STATE,
  MigrationCalls,
  openDeviceIn,
  openGroupIn,
  precopyInfo,
  VfioError,
} from '@vfiokit/vfio-core'
import { describe, expect, test } from 'vitest'

const BDF = Bdf.parse('0000:00:03.0')
const { GET } = DEVICE_FEATURE_FLAGS
const { STOP, RUNNING, STOP_COPY, RESUMING, PRE_COPY } = MIGRATION_STATE

testVariantDriver(migrationSample, {
  function: { vendorId: 0x1e5a, deviceId: 0x0002, bars: [{ index: 0, sizeBytes: 0x1000 }] },
})

const functions = [
  {
    bdf: BDF,
    id: '1e5a:0002',
    class: '120000',
    iommuGroup: 1,
    bars: [{ index: 0, kind: 'memory', address: 0xfe00_0000, size: '4K' }],
    capabilities: [{ id: 'pci-express', fields: { functionLevelReset: true } }],
  },
]

async function card() {
  const host = await createHost({
    topology: { inline: { functions } },
    bind: [BDF],
    plugins: [plugin],
  })
  const calls = callsOf(host.vfio.process('vm0'))
  const container = await runLive(calls.open('/dev/vfio/vfio'))
  const group = await runLive(openGroupIn(calls, 1, container))
  return new OpenCard(await runLive(openDeviceIn(calls, group, BDF)), host, container)
}

/** One card, as a VMM uses it. */
class OpenCard {
  readonly migration: MigrationCalls

  constructor(
    readonly device: DeviceCalls,
    readonly host: Awaited<ReturnType<typeof createHost>>,
    readonly container: number,
  ) {
    this.migration = new MigrationCalls(device)
  }

  /** @returns the descriptor of the data, or -1. */
  async goTo(state: number): Promise<number> {
    return runLive(this.migration.setState(state))
  }

  async state(): Promise<number> {
    return runLive(this.migration.state())
  }

  async readAll(fd: number): Promise<Uint8Array> {
    const parts: number[] = []
    for (;;) {
      const bytes = new Uint8Array(100)
      const count = await runLive(this.device.calls.pread(fd, bytes, 0))
      if (count === 0) return Uint8Array.from(parts)
      parts.push(...bytes.subarray(0, count))
    }
  }

  read(fd: number, length: number): Promise<number> {
    return Promise.resolve(runLive(this.device.calls.pread(fd, new Uint8Array(length), 0)))
  }

  write(fd: number, bytes: Uint8Array): Promise<number> {
    return Promise.resolve(runLive(this.device.calls.pwrite(fd, bytes, 0)))
  }

  async register(offset: number): Promise<number> {
    const bytes = new Uint8Array(4)
    await runLive(this.device.read(0, offset, bytes))
    return bytes[0]!
  }

  async setRegister(offset: number, value: number): Promise<void> {
    await runLive(this.device.write(0, offset, Uint8Array.of(value, 0, 0, 0)))
  }

  async preCopyInfo(fd: number): Promise<readonly [initial: bigint, dirty: bigint]> {
    const { initialBytes, dirtyBytes } = await runLive(precopyInfo(this.device.calls, fd))
    return [initialBytes, dirtyBytes]
  }
}

async function failure(call: () => unknown): Promise<string | undefined> {
  try {
    await call()
    return undefined
  } catch (error) {
    if (VfioError.is(error)) return error.errno
    throw error
  }
}

describe('a card that stands still', () => {
  test('says what it can, and how much it has', async () => {
    const source = await card()
    const payload = await runLive(source.device.feature(GET | FEATURE.MIGRATION, new Uint8Array(8)))
    const size = await runLive(source.migration.dataSize())
    expect([MIG_FLAGS.decode(payload).flags, size]).toEqual([7n, 8n + 256n + 8n])
  })

  test('arrives as it left', async () => {
    const [source, target] = [await card(), await card()]
    await source.setRegister(0x10, 0x5a)
    await source.goTo(STOP)
    const stream = await source.readAll(await source.goTo(STOP_COPY))
    expect(stream).toHaveLength(8 + 256 + 8)
    const fd = await target.goTo(RESUMING)
    await target.write(fd, stream.subarray(0, 100))
    await target.write(fd, stream.subarray(100))
    await target.goTo(RUNNING)
    expect([await target.register(0x10), await target.state()]).toEqual([0x5a, RUNNING])
  })
})

test('a card that runs is copied first, and what has changed follows', async () => {
  const [source, target] = [await card(), await card()]
  await source.setRegister(0, 1)
  const fd = await source.goTo(PRE_COPY)
  expect(await source.preCopyInfo(fd)).toEqual([8n + 256n, 0n])
  const stream = new Uint8Array(1024)
  const sent = await runLive(source.device.calls.pread(fd, stream, 0))
  expect(await failure(() => source.read(fd, 16))).toBe('ENOMSG')
  await source.setRegister(8, 2)
  expect(await source.preCopyInfo(fd)).toEqual([0n, 4n])
  expect(await source.goTo(STOP_COPY)).toBe(-1)
  expect(await failure(() => source.preCopyInfo(fd))).toBe('EINVAL')
  const rest = await source.readAll(fd)
  expect(rest).toHaveLength(8 + 4 + 8)
  const into = await target.goTo(RESUMING)
  await target.write(into, stream.subarray(0, sent))
  await target.write(into, rest)
  await target.goTo(RUNNING)
  expect([await target.register(0), await target.register(8)]).toEqual([1, 2])
})

describe('a stream that is not whole', () => {
  const spoilt: readonly (readonly [string, (stream: Uint8Array) => Uint8Array])[] = [
    ['is cut off', (stream) => stream.subarray(0, -1)],
    ['goes on', (stream) => Uint8Array.of(...stream, 0)],
    ['has another byte', (stream) => stream.map((byte, at) => (at === 20 ? byte ^ 1 : byte))],
    ['leaves the state', (stream) => stream.map((byte, at) => (at === 1 ? 0xff : byte))],
    ['is nothing', () => new Uint8Array(0)],
  ]

  test.each(spoilt)('%s: EINVAL, and the card is as it was', async (_what, spoil) => {
    const [source, target] = [await card(), await card()]
    await source.setRegister(0x10, 0x5a)
    const stream = await source.readAll(await source.goTo(STOP_COPY))
    const fd = await target.goTo(RESUMING)
    await target.write(fd, spoil(stream))
    expect(await failure(() => target.goTo(STOP))).toBe('EINVAL')
    expect([await target.state(), await target.register(0x10)]).toEqual([RESUMING, 0])
  })

  test('is too long: ENOSPC', async () => {
    const target = await card()
    const fd = await target.goTo(RESUMING)
    expect(await failure(() => target.write(fd, new Uint8Array(65_537)))).toBe('ENOSPC')
  })
})

test('a reset ends it: the card runs, and the data is of no use', async () => {
  const source = await card()
  const fd = await source.goTo(STOP_COPY)
  await source.read(fd, 16)
  await runLive(source.device.reset())
  expect(await source.state()).toBe(RUNNING)
  expect(await failure(() => source.read(fd, 16))).toBe('ENODEV')
  expect(await source.goTo(STOP_COPY)).toBeGreaterThan(fd)
})

test('data goes one way, and only whoever has it is asked', async () => {
  const source = await card()
  const fd = await source.goTo(STOP_COPY)
  expect(await failure(() => source.write(fd, new Uint8Array(1)))).toBe('EBADF')
  expect(await failure(() => source.goTo(PRE_COPY))).toBe('EINVAL')
  const into = await (await card()).goTo(RESUMING)
  expect(into).toBeGreaterThanOrEqual(0)
})

const IOVA = 0x10_0000n
const PAGE = 0x1000n
const LOGGED = { iova: IOVA, length: 4n * PAGE }

/** A card whose writes to four pages are logged. */
async function logging() {
  const source = await card()
  const { calls } = source.device
  const request = { anonymous: true, lengthBytes: Number(LOGGED.length), shared: false } as const
  const protection = { read: true, write: true, execute: false }
  const vaddr = BigInt(await runLive(calls.mmap({ ...request, protection })))
  const map = { argsz: DMA_MAP.sizeBytes, flags: 3, vaddr, iova: IOVA, size: LOGGED.length }
  await runLive(calls.ioctl(source.container, CONTAINER_IOCTL.IOMMU_MAP_DMA, DMA_MAP.encode(map)))
  const start = async () => runLive(source.migration.startDmaLogging([LOGGED], PAGE))
  const report = async () => {
    const written = await runLive(source.migration.reportDmaLog(LOGGED, PAGE))
    return written.map((at) => Number((at - IOVA) / PAGE))
  }
  await start()
  return { source, start, report }
}

describe('the dirty log', () => {
  test('has every page that the card wrote, once', async () => {
    const { source, report } = await logging()
    expect(source.host.bus.dma.write(BDF, IOVA + 0x1ffcn, new Uint8Array(8))).toBe(true)
    expect([await report(), await report()]).toEqual([[1, 2], []])
  })

  test('has nothing from before it was started, and is started once', async () => {
    const { source, start, report } = await logging()
    expect(await failure(start)).toBe('EINVAL')
    await runLive(source.migration.stopDmaLogging())
    source.host.bus.dma.write(BDF, IOVA, new Uint8Array(1))
    await start()
    expect(await report()).toEqual([])
  })
})
