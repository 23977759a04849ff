/** A variant driver beside vfio-pci: every hook that it may take over, and what it may do wrong. */
import { DEVICE_IOCTL, REGION_FLAGS, SPARSE_AREA } from '@vfiokit/vfio-core'
import type { Variant } from '@vfiokit/vfio-pci'
import { describe, expect, test } from 'vitest'
import { failure, type GuestDevice, REGION } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { BDF, NVME_MSIX } from '../fixtures/machine.ts'

const PAGE = 0x1000
const GET = 0x1_0000
const SET = 0x2_0000

/** A host whose nvme has a variant driver. */
function withVariant(open: () => Variant): { host: Host; nvme: GuestDevice } {
  const driver = { name: 'variant', matches: (fn: { bdf: string }) => fn.bdf === BDF.nvme, open }
  const memory = [{ start: 0x10_0000n, sizeBytes: 16 * PAGE }]
  const host = new Host({ variantDrivers: [driver], firmware: { memory } })
  return { host, nvme: host.guest().open('nvme') }
}

/** Three pages of host memory in place of BARs 2 and 3, which nvme does not have. */
function fakeBar(extra: object = {}): Variant {
  const bytes = new Uint8Array(4 * PAGE).fill(0xff)
  return {
    bars: {
      2: {
        sizeBytes: 4 * PAGE,
        register: { kind: 'memory', width: 64, prefetchable: true, sizeBytes: 4 * PAGE },
        sparse: [{ offset: 0, sizeBytes: 3 * PAGE }],
        read: (offset, out) => out.set(bytes.subarray(offset, offset + out.length)),
        backing: 'physical',
        mmap: ({ offset, lengthBytes }) => (offset + lengthBytes > 3 * PAGE ? 'EINVAL' : undefined),
        fault: (offset) => ({ physical: 0x10_0000n + BigInt(offset) }),
        ...extra,
      },
    },
  }
}

describe('a BAR that the function does not have', () => {
  test('is in region info, without a type, with what of it can be mapped', () => {
    const { nvme } = withVariant(() => fakeBar())
    const { sizeBytes, flags, capabilities } = nvme.region(2)
    expect(sizeBytes).toBe(4 * PAGE)
    expect(flags).toBe(REGION_FLAGS.READ | REGION_FLAGS.MMAP | REGION_FLAGS.CAPS)
    expect(capabilities.map(({ id }) => id)).toEqual([1])
    expect(SPARSE_AREA.decode(capabilities[0]!.body, 8)).toEqual({ offset: 0n, size: BigInt(3 * PAGE) })
  })

  test('has a register that is sized as any other, and cleared by the reset ioctl', () => {
    const { nvme } = withVariant(() => fakeBar())
    nvme.setConfig(0x18, 4, 0xffff_ffff)
    nvme.setConfig(0x1c, 4, 0xffff_ffff)
    expect([nvme.config(0x18, 4), nvme.config(0x1c, 4)]).toEqual([0xffff_c00c, 0xffff_ffff])
    nvme.setConfig(0x18, 4, 0x8000_0000)
    expect(nvme.config(0x18, 4)).toBe(0x8000_000c)
    nvme.reset()
    expect(nvme.config(0x18, 4)).toBe(0x0000_000c)
  })

  test('shows host memory, and goes with the memory bit like every page of a BAR', () => {
    const { host, nvme } = withVariant(() => fakeBar())
    const map = nvme.map(2, PAGE)
    map.store(8, 0x1234)
    const out = new Uint8Array(2)
    host.machine.memory.window(0x10_1008n, 2).read(0, out)
    expect([...out]).toEqual([0x34, 0x12])
    nvme.setMemory(false)
    expect([map.presentPages, failure(() => map.load())]).toEqual([0, 'SIGBUS'])
    nvme.setMemory(true)
    expect(map.load(8)).toBe(0x1234)
  })

  test('decides itself what may be mapped', () => {
    const { nvme } = withVariant(() => fakeBar())
    expect(failure(() => nvme.map(2, 2 * PAGE, 2 * PAGE))).toBe('EINVAL')
  })

  test('says more about a mapping than the core would', () => {
    const longer = withVariant(() => fakeBar({ mmap: () => undefined })).nvme.map(2, 0, 64 * PAGE)
    expect(longer.load()).toBe(0)
    expect(failure(() => longer.load(20 * PAGE))).toBe('SIGBUS')
    const { nvme } = withVariant(() => fakeBar({ mmap: () => 'EPERM' }))
    expect(failure(() => nvme.map(2))).toBe('EPERM')
  })
})

test('a BAR that is cut short ends there for everything', () => {
  const { nvme } = withVariant(() => ({ bars: { 0: { visibleBytes: 2 * PAGE } } }))
  expect(nvme.region(0).sizeBytes).toBe(2 * PAGE)
  expect(nvme.read(0, 2 * PAGE - 4, 16)).toHaveLength(4)
  expect(failure(() => nvme.read(0, NVME_MSIX.offset, 4))).toBe('EINVAL')
  expect(failure(() => nvme.map(0, PAGE, 2 * PAGE))).toBe('EINVAL')
  expect(nvme.map(0, PAGE).load()).toBe(0)
})

test('a BAR in the place of one is asked instead of the device', () => {
  const written: number[] = []
  const { nvme } = withVariant(() => ({
    bars: {
      0: { sizeBytes: 16, read: (_, out) => void out.fill(7), write: (offset) => void written.push(offset) },
    },
  }))
  expect([...nvme.read(0, 12, 8)]).toEqual([7, 7, 7, 7])
  nvme.write(0, 4, new Uint8Array(4))
  expect(written).toEqual([4])
  expect(failure(() => nvme.map(0))).toBe('EINVAL')
})

test('registers can be shown as others, and kept virtual', () => {
  const host = new Host({
    variantDrivers: [
      {
        name: 'variant',
        matches: () => true,
        open: ({ config }) => {
          config.show(0x02, Uint8Array.of(0x05, 0x10))
          config.keepVirtual(0xfc, Uint8Array.of(1, 2, 3, 4))
          return {}
        },
      },
    ],
  })
  const nvme = host.guest().open('nvme')
  expect([nvme.config(0, 2), nvme.config(2, 2), nvme.config(0xfc, 4)]).toEqual([0x1b36, 0x1005, 0x0403_0201])
  nvme.setConfig(0xfc, 4, 0x99)
  expect([nvme.config(0xfc, 4), host.hardware('nvme').readConfig(0xfc, 4)]).toEqual([0x99, 0])
})

describe('features', () => {
  const PAYLOAD = 8

  test('are got and set as bytes, and refused with an errno', () => {
    const state = new Uint8Array(PAYLOAD)
    const features = new Map([
      [
        99,
        {
          payloadBytes: PAYLOAD,
          get: (out: Uint8Array) => out.set(state),
          set: (data: Uint8Array) => state.set(data),
        },
      ],
      [98, { payloadBytes: 0, set: () => 'EPERM' as const }],
    ])
    const { nvme } = withVariant(() => ({ features }))
    state[3] = 9
    expect(nvme.feature(GET | 99, new Uint8Array(PAYLOAD))[3]).toBe(9)
    nvme.feature(SET | 99, new Uint8Array(PAYLOAD))
    expect(state[3]).toBe(0)
    expect(failure(() => nvme.feature(SET | 98, new Uint8Array(0)))).toBe('EPERM')
    expect(failure(() => nvme.feature(GET | 98, new Uint8Array(0)))).toBe('EINVAL')
    expect(failure(() => nvme.feature(GET | 97, new Uint8Array(0)))).toBe('ENOTTY')
  })

  test('of vfio-pci are gone for a driver without any', () => {
    const lowPower = 3
    expect(
      failure(() => withVariant(() => ({})).nvme.feature(SET | lowPower, new Uint8Array(0))),
    ).toBeUndefined()
    const { nvme } = withVariant(() => ({ coreFeatures: false }))
    expect(failure(() => nvme.feature(SET | lowPower, new Uint8Array(0)))).toBe('ENOTTY')
  })
})

test('an ioctl is refused before vfio-pci looks at it', () => {
  const ioctl = (request: number) => (request === DEVICE_IOCTL.DEVICE_IOEVENTFD ? 'ENOTTY' : undefined)
  const { nvme } = withVariant(() => ({ ioctl }))
  expect(failure(() => nvme.ioctl(DEVICE_IOCTL.DEVICE_IOEVENTFD))).toBe('ENOTTY')
  expect(nvme.info().regionCount).toBe(9)
})

test('resets, errors and the close are told, of whatever kind', () => {
  const told: string[] = []
  const { host, nvme } = withVariant(() => ({
    resetPrepare: () => void told.push('prepare'),
    resetDone: () => void told.push('done'),
    errorDetected: () => void told.push('error'),
    close: () => void told.push('close'),
  }))
  for (const name of ['nic', 'edu', 'testdev'] as const) host.guest().open(name)
  nvme.reset()
  nvme.hotReset('nvme', 'nic', 'edu', 'testdev')
  host.bus.reportError(BDF.nvme)
  nvme.close()
  expect(told).toEqual(['prepare', 'done', 'prepare', 'done', 'error', 'close'])
})

test('who wants the device back is told with the number of times', async () => {
  const times: number[] = []
  const { host, nvme } = withVariant(() => ({ request: (count) => void times.push(count) }))
  const gone = Promise.resolve(host.bus.unbind(BDF.nvme))
  host.machine.clock.advance(20_000)
  expect(times).toEqual([1, 2, 3])
  nvme.close()
  await gone
  host.machine.clock.advance(20_000)
  expect(times).toHaveLength(3)
})

test('who may open is asked after the token', () => {
  const match = (_fn: unknown, token: string | undefined) => (token === 'x' ? ('EACCES' as const) : undefined)
  const host = new Host({
    variantDrivers: [{ name: 'variant', matches: () => true, match, open: () => ({}) }],
  })
  expect(host.driver('nvme').admitToken('x')).toBe('EINVAL')
  const refusing = { name: 'no', matches: () => true, match: () => 'EACCES' as const, open: () => ({}) }
  expect(failure(() => new Host({ variantDrivers: [refusing] }).guest().open('nvme'))).toBe('EACCES')
})

test('regions of a variant come before those of providers', () => {
  const region = (subtype: number) => ({
    kind: { vendor: 1, subtype },
    sizeBytes: 16 * subtype,
    read: () => {},
  })
  const host = new Host({
    variantDrivers: [{ name: 'variant', matches: () => true, open: () => ({ regions: [region(1)] }) }],
    providers: [{ name: 'provider', matches: () => true, open: () => [region(2)] }],
  })
  const nvme = host.guest().open('nvme')
  expect([REGION.OWN, REGION.OWN + 1].map((index) => nvme.region(index).sizeBytes)).toEqual([16, 32])
})

describe('a variant driver that does it wrong', () => {
  const bad: readonly (readonly [what: string, variant: () => unknown, told: RegExp])[] = [
    [
      'throws',
      () => {
        throw new Error('no firmware')
      },
      /open failed: no firmware/,
    ],
    ['opens to nothing', () => undefined, /it opened to undefined/],
    ['has one region and no list', () => ({ regions: 5 }), /regions is 5, not a list/],
    ['has a list of features', () => ({ features: [1] }), /features is 1, not a Map/],
    ['has nothing for a BAR', () => ({ bars: { 0: null } }), /BAR 0: it is null, not an object/],
    ['has words for BARs', () => ({ bars: 'half' }), /bars is half, not an object/],
    ['says that it migrates', () => ({ migration: true }), /migration is true, not an object/],
    ['migrates without steps', () => ({ migration: { dataSizeBytes: () => 0 } }), /migration has no step/],
    ['logs without a report', () => ({ dmaLog: { start() {}, stop() {} } }), /dmaLog has no report/],
    ['has a BAR 6', () => ({ bars: { 6: { visibleBytes: 1 } } }), /BAR 6: there are BARs 0 to 5/],
    ['cuts a BAR to nothing', () => ({ bars: { 0: { visibleBytes: 0 } } }), /visibleBytes is 0/],
    [
      'has a register of three pages',
      () => fakeBar({ register: { kind: 'memory', width: 64, sizeBytes: 3 * PAGE } }),
      /not a power of two/,
    ],
    [
      'has a BAR that is mappable without backing',
      () => fakeBar({ backing: undefined }),
      /fault and backing/,
    ],
    [
      'has a region of nothing',
      () => ({ regions: [{ kind: { vendor: 1, subtype: 1 }, sizeBytes: 0 }] }),
      /sizeBytes is 0/,
    ],
  ]

  test.each(bad)('%s leaves a plain device', (_what, open, told) => {
    const { host, nvme } = withVariant(open as () => Variant)
    expect(host.bus.failureLines).toEqual([expect.stringMatching(told)])
    expect(nvme.region(0).sizeBytes).toBe(0x4000)
    nvme.close()
  })

  test('answers for an ioctl with what is no errno: EIO, and told', () => {
    const { host, nvme } = withVariant(() => ({ ioctl: () => 'EWHAT' as never }))
    expect(failure(() => nvme.info())).toBe('EIO')
    expect(host.bus.failureLines).toEqual([expect.stringContaining('ioctl failed: it answered EWHAT')])
  })

  test('throws where nobody is answered: told, and the device goes on', () => {
    const fails = () => {
      throw new Error('oh')
    }
    const { host, nvme } = withVariant(() => ({
      resetPrepare: fails,
      resetDone: fails,
      close: fails,
      errorDetected: fails,
    }))
    nvme.reset()
    host.bus.reportError(BDF.nvme)
    nvme.close()
    const members = host.bus.pluginFailures.map(({ member }) => member)
    expect(members).toEqual(['resetPrepare', 'resetDone', 'errorDetected', 'close'])
    expect(host.busyLocks()).toEqual([])
  })

  test('fails to match: the function is bound to vfio-pci alone', () => {
    const matches = () => {
      throw new Error('oh')
    }
    const host = new Host({
      variantDrivers: [{ name: 'variant', matches, open: () => ({}) }],
      bind: ['nvme'],
    })
    expect(host.guest().open('nvme').info().regionCount).toBe(9)
    expect(host.bus.failureLines).toEqual(['variant on 0000:01:00.0: matches failed: oh'])
  })
})
