import { DeviceDma, IOMMU_TYPE, PAGE_SIZE_BYTES } from '@vfiokit/vfio-core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type DmaUser, dmaUser, MEMORY_BYTES } from '../fixtures/dma-user.ts'
import { now, RW } from '../fixtures/machine.ts'

const PAGE = 4096n

function dmaOf(user: DmaUser): DeviceDma {
  return new DeviceDma((requester) => (requester === 'stranger' ? undefined : user.core.groups.get(1)))
}

describe('DMA of a device', () => {
  test('reaches the memory that is mapped, across pages and mappings', () => {
    const user = dmaUser('7.2')
    expect([user.map(0n, PAGE), user.map(PAGE, PAGE, { vaddr: user.vaddr + 3n * PAGE })]).toEqual([0, 0])
    const dma = dmaOf(user)
    expect(dma.write('d0', PAGE - 2n, Uint8Array.of(1, 2, 3, 4))).toBe(true)
    const seen = new Uint8Array(2)
    now(user.calls.load(Number(user.vaddr) + 3 * PAGE_SIZE_BYTES, seen))
    expect([...seen]).toEqual([3, 4])
    const back = new Uint8Array(4)
    expect([dma.read('d1', PAGE - 2n, back), ...back]).toEqual([true, 1, 2, 3, 4])
  })

  test('is blocked where nothing is mapped, where permission lacks, and for who has no container', () => {
    const user = dmaUser('7.2')
    expect([user.map(0n, PAGE, { flags: 1 }), user.map(PAGE, PAGE, { flags: 2 })]).toEqual([0, 0])
    const dma = dmaOf(user)
    const byte = new Uint8Array(1)
    expect([
      dma.read('d0', 0n, byte),
      dma.write('d0', 0n, byte),
      dma.read('d0', PAGE, byte),
      dma.write('d0', PAGE, byte),
      dma.read('d0', 2n * PAGE, byte),
      dma.read('stranger', 0n, byte),
      dma.read('d0', 2n ** 64n - 1n, byte),
    ]).toEqual([true, false, false, true, false, false, false])
  })

  test('tells who watches what reached memory, also before a page that faults', () => {
    const user = dmaUser('7.2')
    expect(user.map(0n, PAGE)).toBe(0)
    const dma = dmaOf(user)
    const told: unknown[] = []
    const end = dma.watch('d0', (...what) => void told.push(what))
    expect([
      dma.write('d0', 4n, new Uint8Array(8)),
      dma.write('d0', PAGE - 4n, new Uint8Array(8)),
      dma.write('d0', PAGE, new Uint8Array(8)),
      dma.write('d1', 0n, new Uint8Array(8)),
    ]).toEqual([true, false, false, true])
    end()
    dma.write('d0', 0n, new Uint8Array(8))
    expect(told).toEqual([
      [4n, 8],
      [PAGE - 4n, 4],
    ])
  })

  test('ends with the last group of the container', () => {
    const user = dmaUser('7.2')
    expect([user.map(0n, PAGE), dmaOf(user).read('d0', 0n, new Uint8Array(1))]).toEqual([0, true])
    now(user.calls.ioctl(user.group, 0x3b69))
    expect(dmaOf(user).read('d0', 0n, new Uint8Array(1))).toBe(false)
  })

  test('goes on to memory that the process unmapped: it is pinned', () => {
    const user = dmaUser('7.2')
    expect(user.map(0n, PAGE)).toBe(0)
    now(user.calls.munmap(Number(user.vaddr), MEMORY_BYTES))
    const dma = dmaOf(user)
    const byte = Uint8Array.of(0)
    expect([dma.write('d0', 0n, Uint8Array.of(9)), dma.read('d0', 0n, byte), ...byte]).toEqual([
      true,
      true,
      9,
    ])
  })
})

describe('a BAR mapping as the target of a DMA mapping', () => {
  function withBar(protection = RW as { read: boolean; write: boolean; execute: boolean }) {
    const user = dmaUser('7.2')
    const device = now(user.calls.ioctl(user.group, 0x3b6a, new TextEncoder().encode('d0\0')))
    const request = { fd: device, offset: 0, lengthBytes: 2 * PAGE_SIZE_BYTES, protection, shared: true }
    return { user, device, bar: BigInt(now(user.calls.mmap(request))) }
  }

  test('needs no touch before, and is written through', () => {
    const { user, bar } = withBar()
    expect(user.map(0n, 2n * PAGE, { vaddr: bar })).toBe(0)
    expect(dmaOf(user).write('d1', PAGE + 4n, Uint8Array.of(3))).toBe(true)
    expect(user.machine.drivers[0]!.bar[PAGE_SIZE_BYTES + 4]).toBe(3)
  })

  test('is refused while memory is off; what was mapped before stays, also behind a munmap', () => {
    const { user, device, bar } = withBar()
    expect(user.map(0n, PAGE, { vaddr: bar })).toBe(0)
    now(user.calls.pwrite(device, Uint8Array.of(0), 2 ** 40))
    expect(user.map(PAGE, PAGE, { vaddr: bar })).toBe('EFAULT')
    now(user.calls.pwrite(device, Uint8Array.of(1), 2 ** 40))
    expect(user.map(PAGE, PAGE, { vaddr: bar })).toBe(0)
    now(user.calls.munmap(Number(bar), 2 * PAGE_SIZE_BYTES))
    expect(user.unmap(0n, 2n * PAGE)).toBe(2n * PAGE)
  })

  test('takes no writes when it may not be written', () => {
    const { user, bar } = withBar({ read: true, write: false, execute: false })
    expect([user.map(0n, PAGE, { vaddr: bar }), user.map(0n, PAGE, { vaddr: bar, flags: 1 })]).toEqual([
      'EFAULT',
      0,
    ])
  })
})

const step = fc.record({
  op: fc.constantFrom('map', 'map', 'unmap', 'all'),
  page: fc.nat(15),
  pages: fc.integer({ min: 1, max: 6 }),
  from: fc.nat(9),
  flags: fc.integer({ min: 1, max: 3 }),
})

test.each([IOMMU_TYPE.TYPE1, IOMMU_TYPE.TYPE1V2])(
  'random maps and unmaps of type %i are those of a page table',
  (type) => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        const user = dmaUser('7.2', type)
        const dma = dmaOf(user)
        const table = new PageTable(type === IOMMU_TYPE.TYPE1V2)
        for (const { op, page, pages, from, flags } of steps) {
          const [iova, size] = [BigInt(page) * PAGE, BigInt(pages) * PAGE]
          if (op === 'map') {
            const vaddr = user.vaddr + BigInt(from) * PAGE
            expect(user.map(iova, size, { vaddr, flags })).toBe(table.map(page, pages, from, flags))
          } else if (op === 'unmap') expect(user.unmap(iova, size)).toBe(table.unmap(page, pages))
          else expect(user.unmap(0n, 0n, { flags: 2 })).toBe(table.unmap(0, 99))
          table.expectSeenBy(dma)
        }
      }),
      { numRuns: 150 },
    )
  },
)

interface Entry {
  readonly mapping: symbol
  readonly from: number
  readonly flags: number
}

/** One entry a page: what an IOMMU without intervals would keep. */
class PageTable {
  readonly entries = new Map<number, Entry>()

  constructor(readonly wholeOnly: boolean) {}

  map(page: number, pages: number, from: number, flags: number): number | string {
    const range = Array.from({ length: pages }, (_, at) => page + at)
    if (range.some((each) => this.entries.has(each))) return 'EEXIST'
    const mapping = Symbol()
    for (const each of range) this.entries.set(each, { mapping, from: from + each - page, flags })
    return 0
  }

  unmap(page: number, pages: number): bigint | string {
    const inside = (each: number) => page <= each && each < page + pages
    const hit = new Set([...this.entries].filter(([each]) => inside(each)).map(([, { mapping }]) => mapping))
    const firstOf = (mapping: symbol) =>
      Math.min(...[...this.entries].filter(([, entry]) => entry.mapping === mapping).map(([each]) => each))
    const gone = [...this.entries].filter(([, { mapping }]) => hit.has(mapping)).map(([each]) => each)
    if (this.wholeOnly && !gone.every(inside)) return 'EINVAL'
    if ([...hit].some((mapping) => firstOf(mapping) < page)) return 0n
    for (const each of gone) this.entries.delete(each)
    return BigInt(gone.length) * PAGE
  }

  expectSeenBy(dma: DeviceDma): void {
    for (let page = 0; page < 24; page++) {
      const entry = this.entries.get(page)
      const iova = BigInt(page) * PAGE
      expect(dma.write('d0', iova, Uint8Array.of(entry?.from ?? 0))).toBe(((entry?.flags ?? 0) & 2) !== 0)
      const seen = new Uint8Array(1)
      expect(dma.read('d0', iova, seen)).toBe(((entry?.flags ?? 0) & 1) !== 0)
      if (entry?.flags === 3) expect(seen[0]).toBe(entry.from)
    }
  }
}
