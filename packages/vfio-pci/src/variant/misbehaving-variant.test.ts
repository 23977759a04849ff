/** Hooks of a variant driver that users reach through files and features, and what they may do wrong. */
import {
  DMA_LOG_REPORT,
  FEATURE,
  MIG_DEVICE_STATE,
  MIGRATION_IOCTL,
  MIGRATION_STATE,
  PRECOPY_INFO,
} from '@vfiokit/vfio-core'
import type { MigrationSource, RegionHost, Variant } from '@vfiokit/vfio-pci'
import { describe, expect, test } from 'vitest'
import { failure, now, REGION } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { BDF } from '../fixtures/machine.ts'
import { provider } from '../fixtures/regions.ts'

const GET = 0x1_0000
const SET = 0x2_0000
const PAGE = 0x1000

function withVariant(open: (host: RegionHost) => Variant) {
  const host = new Host({ variantDrivers: [{ name: 'variant', matches: () => true, open }], bind: ['nvme'] })
  return { host, nvme: host.guest().open('nvme') }
}

/** A device in PRE_COPY whose data comes from this source. */
function saving(source: object) {
  const migration = { preCopy: true, step: () => source as MigrationSource, dataSizeBytes: () => 0 }
  const { host, nvme } = withVariant(() => ({ migration }))
  const payload = MIG_DEVICE_STATE.encode({ device_state: MIGRATION_STATE.PRE_COPY, data_fd: -1 })
  const { data_fd } = MIG_DEVICE_STATE.decode(nvme.feature(SET | FEATURE.MIG_DEVICE_STATE, payload))
  const { calls } = nvme.guest
  return {
    host,
    read: () => now(calls.pread(data_fd, new Uint8Array(8), 0)),
    info: () =>
      now(
        calls.ioctl(
          data_fd,
          MIGRATION_IOCTL.MIG_GET_PRECOPY_INFO,
          PRECOPY_INFO.encode({ argsz: PRECOPY_INFO.sizeBytes }),
        ),
      ),
  }
}

describe('a stream that answers nonsense is EIO, and told:', () => {
  test.each<readonly [string, () => unknown]>([
    ['nothing', () => undefined],
    ['more than was asked for', () => 9],
    ['half a byte', () => 0.5],
    ['a name that is no errno', () => 'EWHAT'],
    ['a promise', () => Promise.resolve(1)],
  ])('a read with %s', (_what, read) => {
    const { host, ...use } = saving({ read })
    expect(failure(use.read)).toBe('EIO')
    expect(host.bus.pluginFailures.map(({ member }) => member)).toEqual(['migration data read'])
  })

  test.each<readonly [string, () => unknown]>([
    ['nothing', () => undefined],
    ['a part', () => ({ initialBytes: 1 })],
    ['less than nothing', () => ({ initialBytes: -1, dirtyBytes: 0 })],
  ])('pre-copy info with %s', (_what, preCopy) => {
    const { host, ...use } = saving({ read: () => 0, preCopy })
    expect(failure(use.info)).toBe('EIO')
    expect(host.bus.pluginFailures.map(({ member }) => member)).toEqual(['migration data preCopy'])
  })
})

test('a feature of its own comes before the answer of the core, also where that is an errno', () => {
  const features = new Map([[FEATURE.MIG_PRECOPY_INFOV2, { payloadBytes: 0, set: () => {} }]])
  expect(
    failure(() => withVariant(() => ({})).nvme.feature(SET | FEATURE.MIG_PRECOPY_INFOV2, new Uint8Array(0))),
  ).toBe('EINVAL')
  const { nvme } = withVariant(() => ({ features }))
  expect(failure(() => nvme.feature(SET | FEATURE.MIG_PRECOPY_INFOV2, new Uint8Array(0)))).toBeUndefined()
})

test.each([-1, 0.5, Number.NaN, 'much', undefined])('%s is no size of data: EIO, and told', (size) => {
  const migration = { step: () => undefined, dataSizeBytes: () => size as number }
  const { host, nvme } = withVariant(() => ({ migration }))
  expect(failure(() => nvme.feature(GET | FEATURE.MIG_DATA_SIZE, new Uint8Array(8)))).toBe('EIO')
  expect(host.bus.failureLines).toEqual([expect.stringContaining(`${size}, which is no number of bytes`)])
})

test.each([['x'], [1]])('%s is no address that was written: EIO, and told', (at) => {
  const dmaLog = { start: () => {}, stop: () => {}, report: () => [at] as never }
  const { host, nvme } = withVariant(() => ({ dmaLog }))
  const wanted = { iova: 0n, length: BigInt(PAGE), page_size: BigInt(PAGE), bitmap: 0n }
  const report = () => nvme.feature(GET | FEATURE.DMA_LOGGING_REPORT, DMA_LOG_REPORT.encode(wanted))
  expect(failure(report)).toBe('EIO')
  expect(host.bus.failureLines).toEqual([expect.stringContaining(`${at}, which is no address`)])
})

test('a report of nearly all addresses costs what was written', () => {
  const dmaLog = { start: () => {}, stop: () => {}, report: () => [BigInt(9 * PAGE)] }
  const { nvme } = withVariant(() => ({ dmaLog }))
  const { calls } = nvme.guest
  const protection = { read: true, write: true, execute: false }
  const memory = { anonymous: true, lengthBytes: PAGE, protection, shared: false } as const
  const bitmap = now(calls.mmap(memory))
  const length = 2n ** 63n
  const wanted = { iova: 0n, length, page_size: BigInt(PAGE), bitmap: BigInt(bitmap) }
  nvme.feature(GET | FEATURE.DMA_LOGGING_REPORT, DMA_LOG_REPORT.encode(wanted))
  const out = new Uint8Array(2)
  now(calls.load(bitmap, out))
  expect([...out]).toEqual([0, 0b10])
})

test('who watches DMA and throws is told, and the device has written', () => {
  const watching = provider('nvme', (host) => {
    host.watchDma(() => {
      throw new Error('full')
    })
    return []
  })
  const host = new Host({ providers: [watching] })
  const nvme = host.guest().open('nvme')
  const { dma } = host.bus
  const frames = new Uint8Array(PAGE)
  Object.assign(dma, {
    groupOf: () => ({
      domain: { frameAt: () => ({ store: (at: number, part: Uint8Array) => frames.set(part, at) }) },
    }),
  })
  expect(dma.write(BDF.nvme, 0n, Uint8Array.of(5))).toBe(true)
  expect([frames[0], host.bus.failureLines]).toEqual([5, ['sample on 0000:01:00.0: watchDma failed: full']])
  nvme.close()
})

test.each(['variantDrivers', 'vendorResets', 'capabilityHandlers'] as const)(
  'a match that is a promise is no match: %s',
  (part) => {
    const element = {
      name: 'late',
      matches: async () => true,
      open: () => ({ bars: {} }),
      reset: () => 'EIO',
    }
    const handler = { ...element, id: 0x1e, lengthBytes: 8, registers: [] }
    const host = new Host({ [part]: [handler as never], bind: ['edu'] })
    host.guest().open('edu').close()
    expect(host.hardware('edu').resetMethods).toEqual([])
    expect(host.bus.failureLines[0]).toMatch(
      /late on 0000:01:00.\d: matches failed: it answered with a promise/,
    )
  },
)

test('what users see of registers is sized BARs, and the memory bit of a virtual function', () => {
  const hosts = new Map<string, RegionHost>()
  const taking = {
    name: 'taking',
    matches: () => true,
    open: (host: RegionHost) => {
      hosts.set(host.function.bdf, host)
      return []
    },
  }
  const host = new Host({ providers: [taking] })
  const nvme = host.guest().open('nvme')
  nvme.setConfig(0x10, 4, 0xffff_ffff)
  expect(hosts.get(BDF.nvme)!.config.seen(0x10, 4)).toBe(nvme.config(0x10, 4))
  const vf = host.guest().open('vf')
  expect(hosts.get(BDF.vf)!.config.seen(4, 2)).toBe(vf.config(4, 2))
  expect(vf.region(REGION.CONFIG).sizeBytes).toBeGreaterThan(0)
})
