/** Rules about mmap and faults while nothing disturbs the device. */
import { PAGE_SIZE_BYTES, pagesOf } from '@vfiokit/vfio-core'
import { demand, demandSame, outcomeOf } from '../demand.ts'
import { type ChecksNamed, type RegionCheck, unlessThereAre } from '../region-check.ts'
import { sampledPages } from '../samples.ts'

const unlessMappable = unlessThereAre('mappable region', ({ mappable }) => mappable)
const unlessMemory = unlessThereAre('region backed by memory', (context) => context.backedByMemory)

const mapPages: RegionCheck = {
  silent: unlessMappable,
  check(context) {
    const { bench, user } = context.opened()
    for (const part of context.mappable) {
      const { index, region, area } = part
      const mapping = user.map(part)
      for (const page of sampledPages(area.sizeBytes)) {
        const outcome = outcomeOf(() => user.load(mapping, page))
        bench.demandNoFailure('fault')
        demandSame(`page ${page} of region ${index}`, outcome, 'ok')
        const frame = mapping.vma.frameAt(page)!
        demandSame(`backing of page ${page} of region ${index}`, frame.backing, region.backing)
      }
    }
  },
}

const mapParts: RegionCheck = {
  needs: ['map-pages'],
  silent: unlessMappable,
  check(context) {
    const { user } = context.opened()
    for (const part of context.mappable) {
      const { index, area } = part
      const whole = user.map(part)
      for (const page of sampledPages(area.sizeBytes)) {
        const part = user.mmap(index, area.offset + page * PAGE_SIZE_BYTES, PAGE_SIZE_BYTES)
        user.load(whole, page)
        user.load(part, 0)
        const isSame = part.vma.frameAt(0)!.isSame(whole.vma.frameAt(page)!)
        demand(isSame, `page ${page} of region ${index}, mapped alone, is another page`)
        user.munmap(part)
      }
    }
  },
}

const mapDistinct: RegionCheck = {
  needs: ['map-pages'],
  silent: unlessMappable,
  check(context) {
    const { user } = context.opened()
    for (const part of context.mappable) {
      const { index, area } = part
      const mapping = user.map(part)
      const pages = sampledPages(area.sizeBytes)
      for (const page of pages) user.load(mapping, page)
      for (const [at, page] of pages.entries())
        for (const other of pages.slice(0, at)) {
          const isSame = mapping.vma.frameAt(page)!.isSame(mapping.vma.frameAt(other)!)
          demand(!isSame, `pages ${other} and ${page} of region ${index} are the same page`)
        }
    }
  },
}

const mapSame: RegionCheck = {
  needs: ['map-pages'],
  silent: unlessMappable,
  check(context) {
    const { bench, user } = context.opened()
    const other = bench.share(user, 'vm1')
    for (const part of context.mappable) {
      const { index, area } = part
      const first = user.map(part)
      const theirs = other.map(part)
      for (const page of sampledPages(area.sizeBytes)) {
        user.load(first, page)
        other.load(theirs, page)
        const isShared = theirs.vma.frameAt(page)!.isSame(first.vma.frameAt(page)!)
        demand(isShared, `page ${page} of region ${index} is another page in another process`)
      }
      demandShared(`region ${index} in vm1`, [0x5a, 1, 2, 3], (data) => {
        user.store(first, 0, data)
        return other.load(theirs, 0)
      })
      user.munmap(first)
      const again = user.map(part)
      user.load(again, 0)
      const isSame = again.vma.frameAt(0)!.isSame(theirs.vma.frameAt(0)!)
      demand(isSame, `region ${index} mapped again shows another page`)
    }
  },
}

const mapRead: RegionCheck = {
  needs: ['map-pages', 'map-parts', 'map-distinct', 'map-same', 'read-inside', 'write-inside'],
  silent: unlessMemory,
  check(context) {
    const { user } = context.opened()
    for (const part of context.backedByMemory) {
      const { index, region, area } = part
      const last = pagesOf(area.sizeBytes) - 1
      const place = area.offset + last * PAGE_SIZE_BYTES
      const mapping = user.map(part)
      if (region.read !== undefined)
        demandShared(`read of region ${index}`, [1, 2, 3, 4], (data) => {
          user.store(mapping, last, data)
          return user.read(index, place, data.length)
        })
      if (region.write !== undefined)
        demandShared(`load of region ${index}`, [5, 6, 7, 8], (data) => {
          user.write(index, place, data)
          return user.load(mapping, last)
        })
    }
  },
}

const mapRefused: RegionCheck = {
  check(context) {
    const { bench, user } = context.opened()
    for (const { index, region } of context.regions) {
      const end = pagesOf(region.sizeBytes) * PAGE_SIZE_BYTES
      const map = (offset: number, bytes: number) => outcomeOf(() => user.mmap(index, offset, bytes))
      const isMappable = region.fault !== undefined
      // A region with a say of its own may refuse, or allow what only its faults will refuse.
      if (region.mmap !== undefined) continue
      demandSame(`mmap of region ${index}`, map(0, region.sizeBytes), isMappable ? 'ok' : 'EINVAL')
      demandSame(`mmap behind region ${index}`, map(end, PAGE_SIZE_BYTES), 'EINVAL')
      demandSame(`mmap across the end of region ${index}`, map(0, end + 1), 'EINVAL')
    }
    const lazy = new Set(context.lazy.map(({ position }) => position))
    const faults = bench.observed.calls.filter(
      (call) => call.member === 'fault' && lazy.has(call.owner as number),
    )
    demandSame('faults before any page was touched', faults.length, 0)
  },
}

const mapOnce: RegionCheck = {
  needs: ['map-pages'],
  silent: (context) =>
    context.fixture.mapsOnce === undefined
      ? 'the fixture has no region that maps once'
      : unlessMappable(context),
  check(context) {
    const bench = context.bench({ asksEveryMapping: true })
    const user = bench.open()
    for (const part of context.mappable) {
      const map = () => void user.map(part)
      const first = user.map(part)
      const whileMapped = outcomeOf(map)
      user.munmap(first)
      const refused = [whileMapped, outcomeOf(map)]
      const errno = context.fixture.mapsOnce!
      demandSame(`more mappings of region ${part.index}`, refused, [errno, errno])
    }
    user.close()
    const next = bench.open()
    for (const part of context.mappable)
      demandSame(
        `mapping region ${part.index} after another open`,
        outcomeOf(() => void next.map(part)),
        'ok',
      )
  },
}

const mapKeepsOpen: RegionCheck = {
  needs: ['map-pages'],
  check(context) {
    const { bench, user } = context.opened()
    const maps = context.mappable.map((part) => user.map(part))
    const closes = () =>
      context.regions.map(({ position }) => bench.observed.callsOf(position, 'close').length)
    const none = context.regions.map(() => 0)
    if (maps.length > 0) {
      user.close()
      demandSame('close calls while regions are mapped', closes(), none)
      demandSame(
        'a page that is still mapped',
        outcomeOf(() => user.load(maps[0]!, 0)),
        'ok',
      )
      for (const mapping of maps) user.munmap(mapping)
    } else user.close()
    const once = context.regions.map(({ region }) => (region.close === undefined ? 0 : 1))
    demandSame('close calls after the last munmap', closes(), once)
    bench.demandNoFailure('close')
  },
}

/** Stores bytes one way and gets them another. A device may be written only 4 bytes at a time. */
function demandShared(what: string, bytes: readonly number[], pass: (data: Uint8Array) => Uint8Array): void {
  const data = Uint8Array.from(bytes)
  demandSame(what, pass(data), data)
}

/** By id, in the order in which they are asked. */
export const MAPPING_CHECKS: ChecksNamed<'map'> = {
  'map-pages': mapPages,
  'map-parts': mapParts,
  'map-distinct': mapDistinct,
  'map-same': mapSame,
  'map-read': mapRead,
  'map-refused': mapRefused,
  'map-once': mapOnce,
  'map-keeps-open': mapKeepsOpen,
}
