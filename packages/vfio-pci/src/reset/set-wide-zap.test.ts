import type { AnyLockingStrategy } from '@vfiokit/locking'
import { layered, sharedInode, unmapRange } from '@vfiokit/locking-strategies'
import { describe, expect, test, vi } from 'vitest'
import { type GuestMapping, REGION } from '../fixtures/guest.ts'
import { Host } from '../fixtures/host.ts'
import { SLOT } from '../fixtures/machine.ts'
import { barRegion, memoryRegion, provider } from '../fixtures/regions.ts'

/** A slot of which every member shows a page of its BAR, a region backed by it, and one of memory. */
function busySlot(strategy: AnyLockingStrategy) {
  const providers = SLOT.map((name) => provider(name, () => [barRegion(), memoryRegion()], `of ${name}`))
  const host = new Host({ strategy, providers, bind: SLOT })
  const vm = host.guest()
  const members = SLOT.map((name) => {
    const guest = vm.open(name)
    const [backed, memory] = [guest.map(REGION.OWN), guest.map(REGION.OWN + 1)]
    for (const mapping of [backed, memory]) mapping.load()
    return { name, guest, backed, memory }
  })
  const bar = members[0]!.guest.map(0)
  bar.load()
  const spaces = new Set(SLOT.map((name) => host.device(name).addressSpace))
  const unmaps = [...spaces].map((space) => vi.spyOn(space, 'unmapMappingRange'))
  const unmapped = () => unmaps.reduce((sum, { mock }) => sum + mock.calls.length, 0)
  return { host, members, bar, spaces, unmapped }
}

const pages = (mappings: readonly GuestMapping[]) => mappings.map(({ presentPages }) => presentPages)

describe('a zap of the whole slot', () => {
  test.each([
    // BARs and the region behind them lie apart where devices overlap: a range for each of the two.
    { strategy: sharedInode, spaces: 1, ranges: 2 },
    { strategy: layered, spaces: 1, ranges: 1 },
    { strategy: unmapRange, spaces: SLOT.length, ranges: 2 * SLOT.length },
  ])('takes $ranges unmap(s) under $strategy.name, and no page of memory', ({ strategy, spaces, ranges }) => {
    const { members, bar, spaces: found, unmapped } = busySlot(strategy)
    members[0]!.guest.hotReset()
    expect([found.size, unmapped()]).toEqual([spaces, ranges])
    expect(pages([bar, ...members.map(({ backed }) => backed)])).toEqual([0, ...SLOT.map(() => 0)])
    expect(pages(members.map(({ memory }) => memory))).toEqual(SLOT.map(() => 1))
    for (const { backed } of members) backed.load()
    expect(pages(members.map(({ backed }) => backed))).toEqual(SLOT.map(() => 1))
  })
})

describe('a zap of one device', () => {
  test.each([
    { strategy: sharedInode, ranges: 2, siblings: 0 },
    { strategy: layered, ranges: 1, siblings: 1 },
    { strategy: unmapRange, ranges: 2, siblings: 1 },
  ])('leaves siblings $siblings page(s) under $strategy.name', ({ strategy, ranges, siblings }) => {
    const { host, members, bar, unmapped } = busySlot(strategy)
    members[0]!.guest.setMemory(false)
    expect([unmapped(), bar.presentPages, members[0]!.backed.presentPages]).toEqual([ranges, 0, 0])
    const others = members.slice(1)
    expect(pages(others.map(({ backed }) => backed))).toEqual(others.map(() => siblings))
    expect(pages(members.map(({ memory }) => memory))).toEqual(members.map(() => 1))
    const zapped = host.device('nvme').addressSpace.zappedPages
    expect(zapped).toBe(2 + (siblings === 0 ? others.length : 0))
    for (const { backed } of others) backed.load()
    expect(pages(others.map(({ backed }) => backed))).toEqual(others.map(() => 1))
  })
})
