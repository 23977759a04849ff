/** What a variant driver brings that users reach through features: migration, a log of DMA, exported BARs. */
import {
  CONTAINER_IOCTL,
  DMA_BUF_GET,
  DMA_BUF_RANGE,
  DMA_LOG_CONTROL,
  DMA_LOG_RANGE,
  DMA_LOG_REPORT,
  DMA_MAP,
  FEATURE,
  MIG_DATA_SIZE,
  MIG_DEVICE_STATE,
  MIGRATION_FLAGS,
  MIGRATION_IOCTL,
  MIGRATION_STATE,
  openGroupIn,
  PRECOPY_INFO,
} from '@vfiokit/vfio-core'
import type { MigrationSink, MigrationSource, RegionHost, Variant, VariantMigration } from '@vfiokit/vfio-pci'
import { describe, expect, test } from 'vitest'
import { failure, type Guest, type GuestDevice, now } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { BDF } from '../fixtures/machine.ts'

const { RUNNING, STOP, STOP_COPY, RESUMING, RUNNING_P2P, PRE_COPY, PRE_COPY_P2P } = MIGRATION_STATE
const GET = 0x1_0000
const SET = 0x2_0000
const PAGE = 0x1000
const MEMORY_BYTES = 4 * PAGE

/** An open nvme with a variant driver, and memory of its user. */
function opened(open: (host: RegionHost) => Variant) {
  const driver = { name: 'variant', matches: (fn: { bdf: string }) => fn.bdf === BDF.nvme, open }
  const host = new Host({ variantDrivers: [driver] })
  const guest = host.guest()
  const container = containerOf(guest)
  const nvme = guest.open('nvme')
  const protection = { read: true, write: true, execute: false }
  const memory = { anonymous: true, lengthBytes: MEMORY_BYTES, protection, shared: false } as const
  return { host, guest, container, nvme, address: now(guest.calls.mmap(memory)) }
}

/** Opens the group of nvme so that its container can still be reached. */
function containerOf({ host, id, calls }: Guest): number {
  const container = now(calls.open('/dev/vfio/vfio'))
  const number = host.topology.function(BDF.nvme)!.iommuGroup!
  const fd = now(openGroupIn(calls, number, container))
  host.groupFds.set(number, new Map([[id, { fd, calls }]]))
  return container
}

const stateOf = (nvme: GuestDevice): number =>
  MIG_DEVICE_STATE.decode(nvme.feature(GET | FEATURE.MIG_DEVICE_STATE, MIG_DEVICE_STATE.encode({})))
    .device_state

/** @returns the descriptor of the data, or -1. */
function goTo(nvme: GuestDevice, device_state: number): number {
  const payload = MIG_DEVICE_STATE.encode({ device_state, data_fd: -1 })
  return MIG_DEVICE_STATE.decode(nvme.feature(SET | FEATURE.MIG_DEVICE_STATE, payload)).data_fd
}

/** One byte, and then the end. */
function sourceOf(byte: number): MigrationSource {
  const bytes = [byte]
  return {
    read(out) {
      const next = bytes.splice(0)
      out.set(next)
      return next.length
    },
  }
}

/** A device whose whole state is one byte. */
function oneByte(extra: Partial<VariantMigration> = {}) {
  const device = { byte: 7, log: [] as string[] }
  const migration: VariantMigration = {
    dataSizeBytes: () => 1,
    step(from, to) {
      device.log.push(`${from}>${to}`)
      if (to === 'STOP_COPY') return sourceOf(device.byte)
      if (to !== 'RESUMING') return undefined
      return {
        write([byte]) {
          device.byte = byte!
        },
      }
    },
    discard: () => void device.log.push('discard'),
    ...extra,
  }
  return { device, ...opened(() => ({ migration })) }
}

describe('migration', () => {
  test('goes step by step, and its data comes and goes through a file', () => {
    const source = oneByte()
    const target = oneByte()
    source.device.byte = 9
    const from = goTo(source.nvme, STOP_COPY)
    const buffer = { address: source.address, lengthBytes: 16 }
    const count = now(source.guest.calls.pread(from, buffer, 0))
    const bytes = new Uint8Array(count)
    now(source.guest.calls.load(source.address, bytes))
    expect([...bytes, now(source.guest.calls.pread(from, buffer, 0))]).toEqual([9, 0])
    now(target.guest.calls.store(target.address, bytes))
    const into = goTo(target.nvme, RESUMING)
    now(target.guest.calls.pwrite(into, { address: target.address, lengthBytes: count }, 0))
    expect(goTo(target.nvme, RUNNING)).toBe(-1)
    expect(target.device.byte).toBe(9)
    expect([source.device.log, target.device.log]).toEqual([
      ['RUNNING>STOP', 'STOP>STOP_COPY'],
      ['RUNNING>STOP', 'STOP>RESUMING', 'RESUMING>STOP', 'STOP>RUNNING'],
    ])
  })

  test('is in the state that it came to when a step is refused', () => {
    const { nvme } = oneByte({ step: (_from, to) => (to === 'STOP_COPY' ? 'ENOSPC' : undefined) })
    expect(failure(() => goTo(nvme, STOP_COPY))).toBe('ENOSPC')
    expect(stateOf(nvme)).toBe(STOP)
  })

  test('says about how much there is to copy', () => {
    const { nvme } = oneByte({ dataSizeBytes: () => 5000 })
    const payload = nvme.feature(GET | FEATURE.MIG_DATA_SIZE, MIG_DATA_SIZE.encode({}))
    expect(MIG_DATA_SIZE.decode(payload).stop_copy_length).toBe(5000n)
  })

  test('ends with a reset: RUNNING again, and the data of no use', () => {
    const { nvme, device, guest, address } = oneByte()
    const fd = goTo(nvme, STOP_COPY)
    nvme.reset()
    expect([stateOf(nvme), device.log.at(-1)]).toEqual([RUNNING, 'discard'])
    expect(failure(() => now(guest.calls.pread(fd, { address, lengthBytes: 1 }, 0)))).toBe('ENODEV')
  })

  test.each<[way: string, begin: number, end: number]>([
    ['STOP_COPY to STOP', STOP_COPY, STOP],
    ['RESUMING to STOP', RESUMING, STOP],
    ['PRE_COPY to RUNNING', PRE_COPY, RUNNING],
    ['PRE_COPY_P2P to RUNNING_P2P', PRE_COPY_P2P, RUNNING_P2P],
  ])('data is of no use once its state is left: %s', (_way, begin, end) => {
    const stream = (): MigrationSource & MigrationSink => ({ ...sourceOf(7), write: () => undefined })
    const begins = ['STOP>STOP_COPY', 'STOP>RESUMING', 'RUNNING>PRE_COPY', 'RUNNING_P2P>PRE_COPY_P2P']
    const step: VariantMigration['step'] = (from, to) =>
      begins.includes(`${from}>${to}`) ? stream() : undefined
    const { nvme, guest, device } = oneByte({ p2p: true, preCopy: true, step })
    const fd = goTo(nvme, begin)
    expect([now(guest.calls.pwrite(fd, Uint8Array.of(1), 0)), goTo(nvme, end)]).toEqual([1, -1])
    const use = [
      () => now(guest.calls.pread(fd, new Uint8Array(1), 0)),
      () => now(guest.calls.pwrite(fd, new Uint8Array(1), 0)),
    ]
    expect(use.map(failure)).toEqual(['ENODEV', 'ENODEV'])
    expect(device.log).toEqual([])
  })

  test('data goes on from PRE_COPY to STOP_COPY, and while a step is refused', () => {
    const step: VariantMigration['step'] = (from, to) => {
      if (from === 'RUNNING' && to === 'PRE_COPY') return sourceOf(7)
      return from === 'STOP_COPY' ? 'EBUSY' : undefined
    }
    const { nvme, guest } = oneByte({ preCopy: true, step })
    const fd = goTo(nvme, PRE_COPY)
    expect(goTo(nvme, STOP_COPY)).toBe(-1)
    expect(failure(() => goTo(nvme, STOP))).toBe('EBUSY')
    expect(now(guest.calls.pread(fd, new Uint8Array(1), 0))).toBe(1)
  })

  test('says while it still runs how much there is left', () => {
    const left = { initialBytes: 3, dirtyBytes: 5 }
    const source = (): MigrationSource => ({ ...sourceOf(7), preCopy: () => left })
    const { nvme, guest } = oneByte({ p2p: true, preCopy: true, step: source })
    const flags = nvme.feature(GET | FEATURE.MIGRATION, new Uint8Array(8))
    expect(flags[0]).toBe(MIGRATION_FLAGS.STOP_COPY | MIGRATION_FLAGS.P2P | MIGRATION_FLAGS.PRE_COPY)
    const info = PRECOPY_INFO.encode({ argsz: PRECOPY_INFO.sizeBytes })
    now(guest.calls.ioctl(goTo(nvme, PRE_COPY), MIGRATION_IOCTL.MIG_GET_PRECOPY_INFO, info))
    expect(PRECOPY_INFO.decode(info)).toMatchObject({ initial_bytes: 3n, dirty_bytes: 5n })
  })

  test('is no feature of a driver without it', () => {
    expect(failure(() => stateOf(opened(() => ({})).nvme))).toBe('ENOTTY')
  })
})

/** A device that logs what it writes, one bit a page, and whose DMA reaches the memory of its user. */
function logging() {
  const log: string[] = []
  const using = opened((host) => {
    const written: bigint[] = []
    let end = () => {}
    return {
      dmaLog: {
        start(ranges, pageSizeBytes) {
          log.push(`start ${ranges.length} ${pageSizeBytes}`)
          end = host.watchDma((iova) => written.push(iova))
        },
        stop() {
          log.push('stop')
          end()
        },
        report: () => written.splice(0),
      },
    }
  })
  const { guest, container, address } = using
  const vaddr = BigInt(address)
  const map = DMA_MAP.encode({
    argsz: DMA_MAP.sizeBytes,
    flags: 3,
    vaddr,
    iova: 0n,
    size: BigInt(MEMORY_BYTES),
  })
  now(guest.calls.ioctl(container, CONTAINER_IOCTL.IOMMU_MAP_DMA, map))
  return { ...using, log }
}

describe('a log of what the device wrote', () => {
  test('is started, reported as bits of pages that users collect, and stopped', () => {
    const { host, guest, nvme, address, log } = logging()
    const write = (page: number) => host.bus.dma.write(BDF.nvme, BigInt(page * PAGE), Uint8Array.of(1))
    const range = { iova: BigInt(PAGE), length: BigInt(3 * PAGE) }
    now(guest.calls.store(address, DMA_LOG_RANGE.encode(range)))
    const control = { page_size: BigInt(PAGE), num_ranges: 1, ranges: BigInt(address) }
    expect(write(3)).toBe(true)
    nvme.feature(SET | FEATURE.DMA_LOGGING_START, DMA_LOG_CONTROL.encode(control))
    expect([write(1), write(0)]).toEqual([true, true])
    const bitmap = address + 64
    now(guest.calls.store(bitmap, Uint8Array.of(0b10)))
    const report = DMA_LOG_REPORT.encode({ ...range, page_size: BigInt(PAGE), bitmap: BigInt(bitmap) })
    nvme.feature(GET | FEATURE.DMA_LOGGING_REPORT, report)
    nvme.feature(SET | FEATURE.DMA_LOGGING_STOP, new Uint8Array())
    const bits = new Uint8Array(1)
    now(guest.calls.load(bitmap, bits))
    expect([bits[0], log]).toEqual([0b11, [`start 1 ${PAGE}`, 'stop']])
  })
})

test('a BAR in the place of one is exported as far as it reaches, if it can be mapped', () => {
  const memory = new Uint8Array(2 * PAGE)
  const { nvme } = opened(() => ({
    bars: {
      2: { sizeBytes: memory.length, backing: 'memory', fault: (offset) => ({ memory, offset }) },
      4: { sizeBytes: PAGE, read: () => {} },
    },
  }))
  const exported = (region_index: number, page: number) => {
    const payload = new Uint8Array(DMA_BUF_GET.sizeBytes + DMA_BUF_RANGE.sizeBytes)
    DMA_BUF_GET.write(payload, { region_index, flags: 0, nr_ranges: 1 })
    const range = { offset: BigInt(page * PAGE), length: BigInt(PAGE) }
    DMA_BUF_RANGE.write(payload, range, DMA_BUF_GET.sizeBytes)
    return failure(() => nvme.feature(GET | FEATURE.DMA_BUF, payload))
  }
  expect([exported(2, 1), exported(2, 2), exported(4, 0)]).toEqual([undefined, 'EINVAL', 'ENODEV'])
})
