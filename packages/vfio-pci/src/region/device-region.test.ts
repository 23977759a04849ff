import { STRATEGIES } from '@vfiokit/locking-strategies'
import { REGION_CAPS, VfioError } from '@vfiokit/vfio-core'
import type { PluginFailure, Region, RegionProvider } from '@vfiokit/vfio-pci'
import { describe, expect, test, vi } from 'vitest'
import { failure, type GuestDevice, type GuestMapping, now } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { AT, SLOT } from '../fixtures/machine.ts'
import { barRegion, memoryRegion, provider, trappedRegion } from '../fixtures/regions.ts'

const boom = (): never => {
  throw new Error('boom')
}

/** A host on which nvme has the given regions, opened. */
function withRegions(...regions: readonly Region[]): { host: Host; nvme: GuestDevice } {
  const host = new Host({ providers: [provider('nvme', () => regions)] })
  return { host, nvme: host.guest().open('nvme') }
}

const failuresOf = ({ bus }: Host): string[] => [...bus.failureLines]

describe('regions of a plugin', () => {
  test('begin at index 9, in the order in which providers and regions were given', () => {
    const host = new Host({
      providers: [
        provider('nvme', () => [trappedRegion(new Uint8Array(16)), memoryRegion()], 'first'),
        provider('nic', () => [trappedRegion(new Uint8Array(64))], 'other'),
        provider('nvme', () => [trappedRegion(new Uint8Array(32))], 'second'),
      ],
    })
    const nvme = host.guest().open('nvme')
    expect(nvme.info().regionCount).toBe(12)
    expect([9, 10, 11].map((index) => nvme.region(index).sizeBytes)).toEqual([16, 0x2000, 32])
    expect(failure(() => nvme.region(12))).toBe('EINVAL')
    expect(host.driver('nvme').open!.regions.map((region) => region.provider)).toEqual([
      'first',
      'first',
      'second',
    ])
  })

  test('flags follow from the members', () => {
    const readOnly: Region = {
      kind: { global: 1, subtype: 1 },
      sizeBytes: 8,
      read: (_, out) => void out.fill(1),
    }
    const { nvme } = withRegions(readOnly, memoryRegion(), trappedRegion(new Uint8Array(8)))
    expect([9, 10, 11].map((index) => nvme.region(index).flags & 7)).toEqual([1, 4, 3])
  })

  test('a member that is absent is refused before the plugin is asked', () => {
    const write = vi.fn()
    const { nvme } = withRegions({ kind: { vendor: 1, subtype: 1 }, sizeBytes: 8, write }, memoryRegion())
    expect(failure(() => nvme.read(9, 0, 4))).toBe('EINVAL')
    expect(failure(() => nvme.map(9))).toBe('EINVAL')
    expect(failure(() => nvme.write(10, 0, new Uint8Array(1)))).toBe('EINVAL')
    expect(nvme.write(9, 4, new Uint8Array(4))).toBe(4)
    expect(write).toHaveBeenCalledOnce()
  })

  test('reads and writes are clipped to the region, and EINVAL behind it', () => {
    const bytes = Uint8Array.from({ length: 16 }, (_, at) => at)
    const { nvme } = withRegions(trappedRegion(bytes))
    expect([...nvme.read(9, 12, 100)]).toEqual([12, 13, 14, 15])
    expect(nvme.write(9, 14, Uint8Array.of(0xa, 0xb, 0xc))).toBe(2)
    expect([...bytes.subarray(13)]).toEqual([13, 0xa, 0xb])
    expect(failure(() => nvme.read(9, 16, 1))).toBe('EINVAL')
    expect(failure(() => nvme.write(9, 2 ** 39, new Uint8Array(1)))).toBe('EINVAL')
  })

  test('memory off, D3hot: reads and writes go on', () => {
    const { nvme } = withRegions(trappedRegion(new Uint8Array(16)))
    nvme.setMemory(false)
    nvme.setConfig(AT.nvmePm + 4, 2, 3)
    expect(nvme.read(9, 0, 4)).toHaveLength(4)
  })

  test('capabilities of its own come behind the type', () => {
    const own = { id: REGION_CAPS.SPARSE_MMAP, version: 1, body: new Uint8Array(8).fill(5) }
    const { nvme } = withRegions(memoryRegion({ capabilities: () => [own] }))
    expect(nvme.region(9).capabilities.map(({ id }) => id)).toEqual([
      REGION_CAPS.TYPE,
      REGION_CAPS.SPARSE_MMAP,
    ])
    expect(nvme.region(9).capabilities[1]!.body).toEqual(own.body)
  })

  test('a global type is told without the vendor bit', () => {
    const { nvme } = withRegions({ ...memoryRegion(), kind: { global: 3, subtype: 7 } })
    expect([...nvme.region(9).capabilities[0]!.body]).toEqual([3, 0, 0, 0, 7, 0, 0, 0])
  })

  test('a VfioError is an answer to the caller and no failure of the plugin', () => {
    const refuse = (): never => {
      throw new VfioError('ENODEV', 'unsupported', 'no firmware yet')
    }
    const { host, nvme } = withRegions(
      trappedRegion(new Uint8Array(8), { read: refuse, capabilities: refuse }),
    )
    expect(failure(() => nvme.read(9, 0, 4))).toBe('ENODEV')
    expect(failure(() => nvme.region(9))).toBe('ENODEV')
    expect(failuresOf(host)).toEqual([])
  })
})

describe('pages', () => {
  /** Maps a region, touches both its pages. */
  function touched(nvme: GuestDevice, index: number): GuestMapping {
    const map = nvme.map(index, 0, 0x2000)
    map.load(0)
    map.load(0x1000)
    expect(map.presentPages).toBe(2)
    return map
  }

  type Happening = readonly [
    what: string,
    happen: (nvme: GuestDevice) => void,
    restore: (nvme: GuestDevice) => void,
  ]
  const pass = () => {}
  const happenings: readonly Happening[] = [
    ['memory goes off', (nvme) => nvme.setMemory(false), (nvme) => nvme.setMemory(true)],
    [
      'power goes to D3hot',
      (nvme) => void nvme.setConfig(AT.nvmePm + 4, 2, 3),
      (nvme) => void nvme.setConfig(AT.nvmePm + 4, 2, 0),
    ],
    ['the function is reset', (nvme) => nvme.reset(), pass],
    ['the slot is reset', (nvme) => nvme.hotReset(), pass],
    ['an FLR is written', (nvme) => void nvme.setConfig(AT.nvmeExp + 8, 2, 0x8000), pass],
  ]

  describe.each(STRATEGIES)('under $name', (strategy) => {
    test.each(happenings)('T11 when %s, those of a BAR go and those of memory stay', (_, happen, restore) => {
      const host = new Host({ strategy, providers: [provider('nvme', () => [barRegion(), memoryRegion()])] })
      const nvme = host.guest().open('nvme')
      const ofBar = touched(nvme, 9)
      const ofMemory = touched(nvme, 10)
      ofMemory.store(0x1000, 0x1234)
      happen(nvme)
      expect([ofBar.presentPages, ofMemory.presentPages]).toEqual([0, 2])
      expect(ofMemory.load(0x1000)).toBe(0x1234)
      restore(nvme)
      expect(ofBar.load(0)).toBe(0)
      expect(host.busyLocks()).toEqual([])
    })

    test('while memory is off those of memory can even be faulted in', () => {
      const host = new Host({ strategy, providers: [provider('nvme', () => [barRegion(), memoryRegion()])] })
      const nvme = host.guest().open('nvme')
      nvme.setMemory(false)
      const ofMemory = nvme.map(10)
      ofMemory.store(0, 5)
      expect(ofMemory.load(0)).toBe(5)
      const ofBar = nvme.map(9)
      expect(failure(() => ofBar.load(0))).toBe('SIGBUS')
      expect(host.busyLocks()).toEqual([])
    })

    test('a reset of the slot takes the pages of every member, and of no memory', () => {
      const own = SLOT.map((name) =>
        provider(name, () => [barRegion({ sizeBytes: 0x1000 }), memoryRegion()], name),
      )
      const host = new Host({ strategy, providers: own })
      const vm = host.guest()
      const maps = SLOT.map((name) => {
        const device = vm.open(name)
        const pair = [device.map(9), device.map(10)] as const
        for (const map of pair) map.load(0)
        return pair
      })
      vm.open('edu').hotReset()
      expect(maps.map((pair) => pair.map((map) => map.presentPages))).toEqual(SLOT.map(() => [0, 1]))
    })
  })

  test('a page of a BAR region is a page of that BAR', () => {
    const { nvme } = withRegions(barRegion({ sizeBytes: 0x1000, fault: () => ({ bar: 0, offset: 0x1000 }) }))
    nvme.map(9).store(0x10, 0x4242)
    expect([...nvme.read(0, 0x1010, 2)]).toEqual([0x42, 0x42])
  })

  test('a mapping that begins inside a region asks for the pages that it shows', () => {
    const asked: number[] = []
    const fault = (offset: number) => {
      asked.push(offset)
      return { bar: 0 as const, offset }
    }
    const { nvme } = withRegions(barRegion({ fault }))
    nvme.map(9, 0x1000).load(0)
    expect(asked).toEqual([0x1000])
  })

  test('also when the mapping was cut in two', () => {
    const asked: number[] = []
    const fault = (offset: number) => {
      asked.push(offset)
      return { memory: new Uint8Array(0x2000), offset }
    }
    const { nvme } = withRegions(memoryRegion({ fault }))
    const { address, calls } = nvme.map(9, 0, 0x2000)
    now(calls.munmap(address, 0x1000))
    now(calls.load(address + 0x1000, new Uint8Array(4)))
    expect(asked).toEqual([0x1000])
  })

  test('each page is asked for once per fault, and again after a zap', () => {
    const fault = vi.fn((offset: number) => ({ bar: 0 as const, offset }))
    const { nvme } = withRegions(barRegion({ fault }))
    const map = nvme.map(9)
    map.load(0)
    map.load(8)
    nvme.reset()
    map.load(0)
    expect(fault).toHaveBeenCalledTimes(2)
  })
})

describe('a plugin that misbehaves', () => {
  const bytes = new Uint8Array(8)
  type Case = readonly [
    member: string,
    region: Region,
    use: (nvme: GuestDevice) => unknown,
    answer: string | undefined,
    line: string,
  ]
  const cases: readonly Case[] = [
    ['read', trappedRegion(bytes, { read: boom }), (nvme) => nvme.read(9, 0, 4), 'EIO', 'read failed: boom'],
    [
      'write',
      trappedRegion(bytes, { write: boom }),
      (nvme) => nvme.write(9, 0, bytes),
      'EIO',
      'write failed: boom',
    ],
    [
      'capabilities',
      memoryRegion({ capabilities: boom }),
      (nvme) => nvme.region(9),
      'EIO',
      'capabilities failed: boom',
    ],
    ['fault', memoryRegion({ fault: boom }), (nvme) => nvme.map(9).load(), 'SIGBUS', 'fault failed: boom'],
    ['fault', barRegion({ fault: boom }), (nvme) => nvme.map(9).load(), 'SIGBUS', 'fault failed: boom'],
    [
      'resetPrepare',
      memoryRegion({ resetPrepare: boom }),
      (nvme) => nvme.reset(),
      undefined,
      'resetPrepare failed: boom',
    ],
    [
      'resetDone',
      memoryRegion({ resetDone: boom }),
      (nvme) => nvme.reset(),
      undefined,
      'resetDone failed: boom',
    ],
    ['close', memoryRegion({ close: boom }), (nvme) => nvme.close(), undefined, 'close failed: boom'],
  ]

  test.each(cases)(
    'that throws in %s: the caller gets its errno or signal, and it is written down',
    (_, region, use, answer, line) => {
      const { host, nvme } = withRegions(region)
      expect(failure(() => use(nvme))).toBe(answer)
      expect(failuresOf(host)).toEqual([`sample on 0000:01:00.0: ${line}`])
      expect(host.busyLocks()).toEqual([])
    },
  )

  const asynchronous = (async () => {}) as unknown as () => never
  test.each<Case>([
    ['read', trappedRegion(bytes, { read: asynchronous }), (nvme) => nvme.read(9, 0, 4), 'EIO', 'read'],
    ['fault', memoryRegion({ fault: asynchronous }), (nvme) => nvme.map(9).load(), 'SIGBUS', 'fault'],
    ['resetDone', memoryRegion({ resetDone: asynchronous }), (nvme) => nvme.reset(), undefined, 'resetDone'],
  ])(
    'whose %s answers with a promise has failed: nobody could wait for it',
    (member, region, use, answer) => {
      const { host, nvme } = withRegions(region)
      expect(failure(() => use(nvme))).toBe(answer)
      expect(host.bus.pluginFailures.map((each: PluginFailure) => each.member)).toEqual([member])
    },
  )

  const memory = new Uint8Array(0x1000)
  const pages: readonly (readonly [string, Region])[] = [
    ['memory where it said bar', barRegion({ fault: () => ({ memory, offset: 0 }) as never })],
    ['bar where it said memory', memoryRegion({ fault: () => ({ bar: 0, offset: 0 }) as never })],
    ['neither', memoryRegion({ fault: () => ({ offset: 0 }) as never })],
    ['nothing', memoryRegion({ fault: () => null as never })],
    ['a page behind the memory', memoryRegion({ fault: () => ({ memory, offset: 0x1000 }) })],
    ['a page behind the BAR', barRegion({ fault: () => ({ bar: 0, offset: 0x4000 }) })],
    ['a page of a BAR that is not there', barRegion({ fault: () => ({ bar: 3, offset: 0 }) })],
    ['half a page', memoryRegion({ fault: () => ({ memory, offset: 0x800 }) })],
    ['a page in front', memoryRegion({ fault: () => ({ memory, offset: -0x1000 }) })],
    ['a page at no number', memoryRegion({ fault: () => ({ memory, offset: Number.NaN }) })],
    [
      'memory that is shorter than a page',
      memoryRegion({ fault: () => ({ memory: memory.subarray(1), offset: 0 }) }),
    ],
  ]

  test('a fault without a page is SIGBUS, and no failure', () => {
    const { host, nvme } = withRegions(memoryRegion({ fault: () => undefined }))
    expect(failure(() => nvme.map(9).load())).toBe('SIGBUS')
    expect(host.bus.failureLines).toEqual([])
  })

  test.each(pages)('a fault that answers with %s is SIGBUS', (_, region) => {
    const { host, nvme } = withRegions(region)
    const map = nvme.map(9)
    expect(failure(() => map.load())).toBe('SIGBUS')
    expect(map.presentPages).toBe(0)
    expect(host.bus.pluginFailures).toHaveLength(1)
    expect(host.busyLocks()).toEqual([])
  })

  test.each([
    ['an id of 17 bits', { id: 0x1_0000, version: 1, body: new Uint8Array(0) }],
    ['a body that is no bytes', { id: 9, version: 1, body: [1, 2] as never }],
  ])('a capability with %s is EIO', (_, capability) => {
    const { host, nvme } = withRegions(memoryRegion({ capabilities: () => [capability] }))
    expect(failure(() => nvme.region(9))).toBe('EIO')
    expect(host.bus.pluginFailures).toHaveLength(1)
  })

  test('the failure names plugin, device, member and cause; whoever asked is told at once', () => {
    const told: PluginFailure[] = []
    const cause = new Error('boom')
    const plugin: RegionProvider = provider('nvme', () => [
      trappedRegion(bytes, {
        read: () => {
          throw cause
        },
      }),
    ])
    const host = new Host({ providers: [plugin], onPluginFailure: (each) => told.push(each) })
    failure(() => host.guest().open('nvme').read(9, 0, 1))
    expect(told).toEqual([{ plugin: 'sample', device: '0000:01:00.0', member: 'read', cause }])
    expect(host.bus.pluginFailures).toEqual(told)
  })
})

describe('close', () => {
  test('comes after the last munmap, once', () => {
    const close = vi.fn()
    const { host, nvme } = withRegions(memoryRegion({ close }))
    const map = nvme.map(9)
    const bar = nvme.map(0)
    nvme.close()
    expect(close).not.toHaveBeenCalled()
    expect(map.load()).toBe(0)
    map.unmap()
    expect(close).not.toHaveBeenCalled()
    bar.unmap()
    expect(close).toHaveBeenCalledOnce()
    expect(host.driver('nvme').open).toBeUndefined()
  })

  test('in the order of the regions', () => {
    const order: number[] = []
    const numbered = (at: number) => memoryRegion({ close: () => void order.push(at) })
    withRegions(numbered(1), numbered(2), numbered(3)).nvme.close()
    expect(order).toEqual([1, 2, 3])
  })

  test('of one that throws does not keep the others open', () => {
    const close = vi.fn()
    const { host, nvme } = withRegions(memoryRegion({ close: boom }), memoryRegion({ close }))
    nvme.close()
    expect(close).toHaveBeenCalledOnce()
    expect(host.guest().open('nvme').info().regionCount).toBe(11)
  })
})
