import type { Firmware, MemoryWindow } from '@vfiokit/hardware'
import type { PhysicallyBackedRegion, Region } from '@vfiokit/vfio-pci'
import { describe, expect, test } from 'vitest'
import { failure } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { barRegion, memoryRegion, provider } from '../fixtures/regions.ts'

const memory = new Uint8Array(0x1000)
const firmware: Firmware = { memory: [{ start: 0x1_0000n, sizeBytes: 0x2000 }] }

function physicalRegion(extra: Partial<PhysicallyBackedRegion> = {}): PhysicallyBackedRegion {
  return {
    kind: { vendor: 0x8086, subtype: 1 },
    sizeBytes: 0x2000,
    backing: 'physical',
    fault: (offset) => ({ physical: 0x1_0000n + BigInt(offset) }),
    ...extra,
  }
}

/** Loads from the first page of a region. @returns what became of it, and the line of the log. */
function load(region: Region): { outcome: string | undefined; told: readonly string[]; busy: number } {
  const host = new Host({ firmware, providers: [provider('nvme', () => [region])] })
  const map = host.guest().open('nvme').map(9)
  const outcome = failure(() => map.load())
  expect(map.presentPages).toBe(outcome === undefined ? 1 : 0)
  return { outcome, told: [...host.bus.failureLines], busy: host.busyLocks().length }
}

test('a page of the host is the memory that others see at that address', () => {
  let window: MemoryWindow | undefined
  const open = provider('nvme', (given) => {
    window = given.physical(0x1_0000n, 0x2000)
    return [physicalRegion()]
  })
  const host = new Host({ firmware, providers: [open] })
  host.guest().open('nvme').map(9, 0x1000).store(8, 0x4242)
  const out = new Uint8Array(2)
  window!.read(0x1008, out)
  expect([...out]).toEqual([0x42, 0x42])
})

describe('a page of the host is SIGBUS, and told,', () => {
  const cases: readonly (readonly [where: string, physical: unknown, why: string])[] = [
    ['where there is no memory', 0x1_2000n, 'no memory of 4096 bytes at 0x12000'],
    ['in front of all memory', 0n, 'no memory of 4096 bytes at 0x0'],
    ['inside a page', 0x1_0800n, 'physical address 0x10800 is inside a page'],
    ['in front of 0', -0x1000n, 'no memory of 4096 bytes at 0x-1000'],
    ['at an address that is no bigint', 0x1_0000, 'Cannot mix BigInt'],
    ['nowhere', undefined, 'Cannot mix BigInt'],
  ]
  test.each(cases)('%s', (_, physical, why) => {
    const { outcome, told, busy } = load(physicalRegion({ fault: () => ({ physical }) as never }))
    expect([outcome, busy]).toEqual(['SIGBUS', 0])
    expect(told).toEqual([expect.stringContaining(`sample on 0000:01:00.0: fault failed: ${why}`)])
  })
})

test('memory that is no bytes is SIGBUS, though it is long enough', () => {
  const { outcome, told } = load(
    memoryRegion({ fault: () => ({ memory: { length: 0x1000 }, offset: 0 }) as never }),
  )
  expect(outcome).toBe('SIGBUS')
  expect(told).toEqual(['sample on 0000:01:00.0: fault failed: the memory of a page is no Uint8Array'])
})

describe('a page that names two things', () => {
  // Whichever of them was mapped: the other half of the core would believe that it was the other.
  test.each([
    ['bar and memory', 'bar', barRegion({ fault: () => ({ bar: 0, memory, offset: 0 }) })],
    ['bar and memory', 'memory', memoryRegion({ fault: () => ({ bar: 0, memory, offset: 0 }) })],
    [
      'bar and physical',
      'physical',
      physicalRegion({ fault: () => ({ bar: 0, offset: 0, physical: 0x1_0000n }) }),
    ],
  ])('%s is neither, in a region that says %s', (found, backing, region) => {
    const why = `a page of ${found} in a region that says ${backing}`
    expect(load(region as Region)).toEqual({
      outcome: 'SIGBUS',
      told: [`sample on 0000:01:00.0: fault failed: ${why}`],
      busy: 0,
    })
  })
})
