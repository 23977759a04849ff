import type { Region, RegionHost } from '@vfiokit/vfio-pci'
import { describe, expect, test, vi } from 'vitest'
import { Host } from '../fixtures/host.ts'
import { BDF } from '../fixtures/machine.ts'
import { barRegion, memoryRegion, provider, trappedRegion } from '../fixtures/regions.ts'

const boom = (): never => {
  throw new Error('boom')
}

describe('opening', () => {
  test('a provider is asked once per opened device, and only by identity', () => {
    const open = vi.fn((_: RegionHost) => [trappedRegion(new Uint8Array(8))])
    const matches = vi.fn((fn: { readonly deviceId: number }) => fn.deviceId === 0x0010)
    const host = new Host({ providers: [{ name: 'sample', matches, open }] })
    const vm = host.guest()
    const first = vm.open('nvme')
    const second = vm.open('nvme')
    vm.open('nic')
    expect(open).toHaveBeenCalledOnce()
    expect(matches.mock.calls.map(([fn]) => fn)).toEqual(
      [BDF.nvme, BDF.nic].map((bdf) => host.topology.function(bdf)),
    )
    first.close()
    second.close()
    vm.open('nvme')
    expect(open).toHaveBeenCalledTimes(2)
  })

  test('it can use the BARs of the function, which answer by then', () => {
    const seen: number[] = []
    const regions = ({ bar, function: fn }: RegionHost): readonly Region[] => {
      const bytes = Uint8Array.of(0, 0, 0, 0)
      bar(0).write(0x10, Uint8Array.of(1, 2, 3, 4))
      bar(0).read(0x10, bytes)
      seen.push(...bytes, bar(0).sizeBytes, fn.deviceId)
      return []
    }
    new Host({ providers: [provider('nvme', regions)] }).guest().open('nvme')
    expect(seen).toEqual([1, 2, 3, 4, 0x4000, 0x0010])
  })
})

test('a provider that is for the function and has no region for it is known as idle', () => {
  const host = new Host({
    providers: [
      provider('nvme', () => [], 'none'),
      provider('nic', () => [], 'of another'),
      provider('nvme', () => [trappedRegion(new Uint8Array(8))], 'one'),
    ],
  })
  host.guest().open('nvme')
  expect(host.bus.driverAt(BDF.nvme)!.open!.idleProviders).toEqual(['none'])
})

describe('a provider that fails leaves the device open without its regions', () => {
  const good = provider('nvme', () => [trappedRegion(new Uint8Array(8))], 'good')

  test.each([
    ['matches', { ...provider('nvme', () => []), matches: boom }, 'matches failed: boom'],
    ['open', provider('nvme', boom), 'open failed: boom'],
    ['open', provider('nvme', () => undefined as never), 'open failed'],
    ['open', provider('nvme', () => Promise.reject(new Error('late')) as never), 'answered with a promise'],
    [
      'matches',
      { ...provider('nvme', () => []), matches: () => Promise.resolve(false) as never },
      'answered with a promise',
    ],
    [
      'open',
      provider('nvme', (host) => [memoryRegion({ sizeBytes: host.bar(4).sizeBytes })]),
      'has no memory BAR 4',
    ],
    [
      'open',
      provider('nvme', () => [memoryRegion(), memoryRegion({ sizeBytes: 0 })]),
      'region 1: sizeBytes is 0',
    ],
    ['open', provider('nvme', () => [memoryRegion({ sizeBytes: 1.5 })]), 'sizeBytes is 1.5'],
    ['open', provider('nvme', () => [memoryRegion({ sizeBytes: 2 ** 41 })]), `to ${2 ** 40}`],
    ['open', provider('nvme', () => [{ ...memoryRegion(), backing: undefined } as never]), 'come together'],
    ['open', provider('nvme', () => [{ ...memoryRegion(), backing: 'disk' } as never]), 'backing is disk'],
    [
      'open',
      provider('nvme', () => [{ ...barRegion(), kind: { vendor: 0x1_0000, subtype: 0 } }]),
      'kind.vendor',
    ],
    [
      'open',
      provider('nvme', () => [{ ...barRegion(), kind: { global: 0x8000_0000, subtype: 0 } }]),
      'kind.global',
    ],
    [
      'open',
      provider('nvme', () => [{ ...barRegion(), kind: { global: 1, subtype: -1 } }]),
      'kind.subtype is -1',
    ],
  ])('in %s (case %#)', (member, bad, why) => {
    const host = new Host({ providers: [bad, good] })
    const nvme = host.guest().open('nvme')
    expect(nvme.info().regionCount).toBe(10)
    expect(nvme.region(9).sizeBytes).toBe(8)
    expect(host.bus.pluginFailures.map((each) => each.member)).toEqual([member])
    expect(host.bus.failureLines[0]).toContain(why)
  })

  test('regions that came with a bad one are closed', () => {
    const close = vi.fn()
    const regions = [
      memoryRegion({ close }),
      memoryRegion({ close: boom }),
      memoryRegion({ sizeBytes: -1, close }),
    ]
    const host = new Host({ providers: [provider('nvme', () => regions)] })
    host.guest().open('nvme').close()
    expect(close).toHaveBeenCalledTimes(2)
    expect(host.bus.pluginFailures.map(({ member }) => member)).toEqual(['open', 'close'])
  })

  test('one region given twice is none: it would be closed twice', () => {
    const close = vi.fn()
    const twice = memoryRegion({ close })
    const host = new Host({ providers: [provider('nvme', () => [twice, twice])] })
    const nvme = host.guest().open('nvme')
    expect(nvme.info().regionCount).toBe(9)
    nvme.close()
    expect(close).toHaveBeenCalledOnce()
    expect(host.bus.failureLines[0]).toContain('region 1 is region 0 again')
  })

  test('what is thrown need not be an error', () => {
    const host = new Host({
      providers: [
        provider('nvme', () => {
          throw 'no firmware'
        }),
      ],
    })
    host.guest().open('nvme')
    expect(host.bus.failureLines).toEqual(['sample on 0000:01:00.0: open failed: no firmware'])
  })
})
