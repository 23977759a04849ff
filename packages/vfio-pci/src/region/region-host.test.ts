/** What a plugin finds around the function that it is opened with. */
import type { RegionHost } from '@vfiokit/vfio-pci'
import { expect, test } from 'vitest'
import { failure, REGION } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { BDF } from '../fixtures/machine.ts'
import { memoryRegion, provider, trappedRegion } from '../fixtures/regions.ts'

/** What a provider of nvme is given. */
function given(firmware = {}): RegionHost {
  const hosts: RegionHost[] = []
  const take = provider('nvme', (host) => {
    hosts.push(host)
    return []
  })
  new Host({ providers: [take], kernel: '6.12', firmware }).guest().open('nvme')
  return hosts[0]!
}

test('it knows the kernel, and numbers of firmware by their name', () => {
  const { kernel, property } = given({ properties: { [BDF.nvme]: { size: 7n } } })
  expect([kernel, property('size'), property('base')]).toEqual(['6.12', 7n, undefined])
})

test('it reads configuration space of its function and of others', () => {
  const { config, functionAt } = given()
  expect([config.read(0, 4), functionAt('01:00.1')?.config.read(0, 2)]).toEqual([0x0010_1b36, 0x8086])
  expect(functionAt('01:00.1')?.function.deviceId).toBe(0x10d3)
  expect(functionAt('00:1f.0')).toBeUndefined()
  expect(() => functionAt('nic')).toThrow(/nic/)
})

test('it maps memory that is there', () => {
  const { physical } = given({ memory: [{ start: 16n, sizeBytes: 16 }] })
  const window = physical(16n, 16)
  window.write(1, Uint8Array.of(5))
  const out = new Uint8Array(2)
  window.read(0, out)
  expect([...out]).toEqual([0, 5])
  expect(() => physical(24n, 16)).toThrow(RangeError)
})

test('registers outside configuration space cannot be shown', () => {
  const { config } = given()
  expect(() => config.show(4095, Uint8Array.of(1, 2))).toThrow(RangeError)
  expect(() => config.keepVirtual(-1, Uint8Array.of(1))).toThrow(RangeError)
})

test('pages that come with the mapping are there before they are touched, and stay', () => {
  const faults: number[] = []
  const bytes = new Uint8Array(0x2000)
  const region = memoryRegion({
    prefault: true,
    fault: (offset) => {
      faults.push(offset)
      return { memory: bytes, offset }
    },
  })
  const nvme = new Host({ providers: [provider('nvme', () => [region])] }).guest().open('nvme')
  const map = nvme.map(REGION.OWN, 0, 0x2000)
  expect([map.presentPages, faults]).toEqual([2, [0, 0x1000]])
  nvme.setMemory(false)
  nvme.reset()
  expect(map.presentPages).toBe(2)
  const absent = memoryRegion({ prefault: true, fault: () => undefined })
  const other = new Host({ providers: [provider('nvme', () => [absent])] }).guest().open('nvme')
  expect(failure(() => other.map(REGION.OWN))).toBe('EINVAL')
})

test('an access can be refused with an errno, at once or after steps', () => {
  const region = trappedRegion(new Uint8Array(4), {
    read: () => 'ETIME',
    // biome-ignore lint/correctness/useYield: an Operation may end at once
    *write() {
      return 'EPERM' as const
    },
  })
  const host = new Host({ providers: [provider('nvme', () => [region])] })
  const nvme = host.guest().open('nvme')
  expect(failure(() => nvme.read(REGION.OWN, 0, 4))).toBe('ETIME')
  expect(failure(() => nvme.write(REGION.OWN, 0, new Uint8Array(4)))).toBe('EPERM')
  expect(host.bus.failureLines).toEqual([])
})
