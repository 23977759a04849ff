/** Rules about match and open: whom the provider is for, and what it makes of an open device. */
import { PCI_REGION } from '@vfiokit/vfio-core'
import type { RegionKind } from '@vfiokit/vfio-pci'
import { demand, demandSame } from '../demand.ts'
import { CARD, STRANGER } from '../fixture-topology.ts'
import type { SurveyedRegion } from '../observed-plugin.ts'
import { type ChecksNamed, isBar, type RegionCheck, unlessThereAre } from '../region-check.ts'
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
  silent: ({ fixture: { regions, replacements } }) =>
    regions === undefined && replacements === undefined ? 'the fixture expects nothing' : undefined,
  check({ regions, fixture }) {
    const bars = regions.filter(isBar)
    const own = regions.filter((each) => !isBar(each))
    if (fixture.regions !== undefined) {
      demandSame('number of regions', own.length, fixture.regions.length)
      for (const [at, each] of own.entries()) demandExpected(each, fixture.regions[at]!)
    }
    if (fixture.replacements === undefined) return
    const expected = Object.keys(fixture.replacements).map(Number)
    demandSame(
      'BARs that are replaced',
      bars.map(({ index }) => index),
      expected,
    )
    for (const each of bars) demandExpected(each, fixture.replacements[each.index]!)
  },
}

function demandExpected({ index, region }: SurveyedRegion, expected: RegionExpectation): void {
  const { sizeBytes, read, write, backing = 'none' } = region
  const found: RegionExpectation = {
    ...('kind' in region && kindOf(region.kind)),
    sizeBytes,
    read: read !== undefined,
    write: write !== undefined,
    backing,
  }
  for (const [name, value] of Object.entries(expected))
    if (value !== undefined)
      demandSame(`${name} of region ${index}`, found[name as keyof RegionExpectation], value)
}

function kindOf(kind: RegionKind): Pick<RegionExpectation, 'type' | 'subtype'> {
  const type = 'vendor' in kind ? (VENDOR_TYPE | kind.vendor) >>> 0 : kind.global
  return { type, subtype: kind.subtype }
}

const openSeparate: RegionCheck = {
  silent: unlessThereAre('region backed by memory', (context) => context.backedByMemory),
  check(context) {
    const [left, right] = [context.opened(), context.opened()]
    for (const part of context.backedByMemory) {
      const { index } = part
      const maps = [left, right].map(({ user }) => {
        const mapping = user.map(part)
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
    const own = context.regions.filter((each) => !isBar(each)).length
    const locks: number[] = []
    for (let turn = 1; turn <= OPENS; turn++) {
      const user = bench.open()
      const found = user.regionCount() - FIRST_DEVICE_SPECIFIC
      demandSame(`regions of open ${turn}`, found, own)
      const mapped = context.mappable.map((part) => user.map(part))
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
