/** Rules about match and open: whom the provider is for, and what it makes of an open device. */
import { PCI_REGION } from '@vfiokit/vfio-core'
import { demand, demandSame } from '../demand.ts'
import { CARD, STRANGER } from '../fixture-topology.ts'
import { type ChecksNamed, type RegionCheck, unlessThereAre } from '../region-check.ts'
import type { RegionExpectation } from '../region-fixture.ts'
import { leftBehind, NOTHING_LEFT } from './left-behind.ts'

const { FIRST_DEVICE_SPECIFIC } = PCI_REGION
/** Bit 31 of a type: the rest is a vendor id. */
const VENDOR_TYPE = 0x8000_0000
const OPENS = 1000

const matchOwn: RegionCheck = {
  check(context) {
    const bench = context.bench()
    const { topology } = bench.bus
    demandSame('matches of its own function', bench.observed.matches(topology.function(CARD)!), true)
    demandSame('matches of a stranger', bench.observed.matches(topology.function(STRANGER)!), false)
    demandSame('regions of a stranger', bench.openStranger().regionCount(), FIRST_DEVICE_SPECIFIC)
  },
}

const matchPure: RegionCheck = {
  check(context) {
    const { bench, user } = context.opened()
    const own = bench.bus.topology.function(CARD)!
    const stranger = bench.bus.topology.function(STRANGER)!
    const before = { accesses: bench.barAccesses, opens: bench.observed.opens }
    const answers = [own, own, stranger, stranger, own].map((fn) => bench.observed.matches(fn))
    const [first, , other] = answers
    demandSame('five answers in turn', answers, [first, first, other, other, first])
    demandSame('BAR accesses meanwhile', bench.barAccesses - before.accesses, 0)
    user.close()
    demandSame('the answer after close', bench.observed.matches(own), first)
  },
}

const openRegions: RegionCheck = {
  check(context) {
    const { bench } = context.opened()
    bench.demandNoFailure('matches', 'open')
    demand(context.regions.length > 0, 'open answers with no region at all')
  },
}

const openExpected: RegionCheck = {
  silent: ({ fixture }) => (fixture.regions === undefined ? 'the fixture expects nothing' : undefined),
  check({ regions, fixture }) {
    const expected = fixture.regions!
    demandSame('number of regions', regions.length, expected.length)
    for (const [at, { index, region }] of regions.entries()) {
      const { kind, sizeBytes, read, write, backing = 'none' } = region
      const found: Required<RegionExpectation> = {
        type: 'vendor' in kind ? (VENDOR_TYPE | kind.vendor) >>> 0 : kind.global,
        subtype: kind.subtype,
        sizeBytes,
        read: read !== undefined,
        write: write !== undefined,
        backing,
      }
      for (const [name, value] of Object.entries(expected[at]!))
        if (value !== undefined)
          demandSame(`${name} of region ${index}`, found[name as keyof RegionExpectation], value)
    }
  },
}

const openSeparate: RegionCheck = {
  silent: unlessThereAre('region backed by memory', (context) => context.untied),
  check(context) {
    const [left, right] = [context.opened(), context.opened()]
    for (const { index, region } of context.untied) {
      const maps = [left, right].map(({ user }) => {
        const mapping = user.mmap(index, 0, region.sizeBytes)
        user.load(mapping, 0)
        return mapping.vma.frameAt(0)!
      })
      demand(!maps[0]!.isSame(maps[1]!), `region ${index} of two cards is the same memory`)
    }
  },
}

const openAgain: RegionCheck = {
  needs: ['map-pages', 'map-keeps-open'],
  check(context) {
    const bench = context.bench()
    const locks: number[] = []
    for (let turn = 1; turn <= OPENS; turn++) {
      const user = bench.open()
      const found = user.regionCount() - FIRST_DEVICE_SPECIFIC
      demandSame(`regions of open ${turn}`, found, context.regions.length)
      const mapped = context.mappable.map(({ index, region }) => user.mmap(index, 0, region.sizeBytes))
      user.close()
      for (const mapping of mapped) user.munmap(mapping)
      demandSame(`what is left after close ${turn}`, leftBehind(bench), NOTHING_LEFT)
      locks.push(bench.core.locks.locks.length)
    }
    // The first open makes what stays: the mmap_lock of the process, the locks of the functions it resets.
    demandSame('locks after all closes', locks.at(-1), locks[0])
    bench.demandNoFailure()
    for (const { index, position, region } of context.regions) {
      const closes = bench.observed.callsOf(position, 'close').length
      demandSame(`close calls of region ${index}`, closes, region.close === undefined ? 0 : OPENS)
    }
  },
}

/** By id, in the order in which they are asked. */
export const OPENING_CHECKS: ChecksNamed<'match' | 'open'> = {
  'match-own': matchOwn,
  'match-pure': matchPure,
  'open-regions': openRegions,
  'open-expected': openExpected,
  'open-separate': openSeparate,
  'open-again': openAgain,
}
