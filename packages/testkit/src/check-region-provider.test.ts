import { effect, type PageRange } from '@vfiokit/locking'
import {
  checkRegionProvider,
  REGION_RULES,
  type RegionExpectation,
  type RegionRuleId,
} from '@vfiokit/testkit/check'
import { DeviceFile, LiveProcess, lengthOf, REGION_PAGES } from '@vfiokit/vfio-core'
import { DeviceRegion, OpenPciDevice, type RegionProvider } from '@vfiokit/vfio-pci'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { confusedByTwo, DEFECTS } from './fixtures/bad-providers.ts'
import { CARD, provider, VENDOR, withParts } from './fixtures/card.ts'

const CONTESTS = (Object.keys(REGION_RULES) as RegionRuleId[]).filter((id) => id.startsWith('contest-'))
const NO_CONTEST = Object.fromEntries(CONTESTS.map((id) => [id, 'takes long']))

/** Ids of the rules that a provider breaks; contests are held only where they have something to tell. */
async function broken(bad: RegionProvider, options: { readonly contest?: boolean } = {}): Promise<string[]> {
  const except = options.contest === true ? {} : NO_CONTEST
  const results = await checkRegionProvider(bad, { ...CARD, except })
  return results.filter(({ outcome }) => outcome === 'broken').map(({ id }) => id)
}

/** A region that fills with a pattern which depends on the place alone. */
const pattern = (offset: number, out: Uint8Array) => out.set(out.map((_, at) => offset + at))

describe('a provider that keeps the contract', () => {
  test('has every rule held, and none of them silent', async () => {
    const results = await checkRegionProvider(provider(), {
      ...CARD,
      regions: [
        { type: 0x8000_0000 + VENDOR, subtype: 1, sizeBytes: 32, read: true, write: false, backing: 'none' },
        { backing: 'bar' },
        {},
      ],
    })
    expect(results.filter(({ outcome }) => outcome !== 'holds')).toEqual([])
    expect(results.map(({ id, sentence }) => [id, sentence])).toEqual(Object.entries(REGION_RULES))
  })

  test('may be a class, frozen, or of a global type', async () => {
    class Counter {
      readonly kind = Object.freeze({ global: 1, subtype: 1 })
      readonly sizeBytes = 8
      readonly #count = 7

      read(_offset: number, out: Uint8Array): void {
        out.fill(this.#count)
      }
    }
    const good = provider({ open: () => Object.freeze([Object.freeze(new Counter())]) })
    expect(await broken(good)).toEqual([])
  })

  test('may break a rule on purpose, for a reason', async () => {
    const bad = withParts({ log: () => ({ read: pattern }) })
    const results = await checkRegionProvider(bad, { ...CARD, except: { 'map-read': 'reads are filtered' } })
    expect(results.filter(({ outcome }) => outcome === 'broken')).toEqual([])
    expect(results.find(({ id }) => id === 'map-read')).toMatchObject({
      outcome: 'silent',
      detail: 'excepted: reads are filtered',
    })
  })
})

describe('a provider that', () => {
  test.each(DEFECTS)('$defect breaks $breaks', async ({ bad, breaks }) => {
    expect((await broken(bad)).sort()).toEqual([...breaks].sort())
  })

  test('fails only when two processes come in a certain order loses the contests', async () => {
    expect(await broken(confusedByTwo(), { contest: true })).toEqual(CONTESTS)
  })

  test('is not what the fixture expects breaks open-expected', async () => {
    const wrong: Readonly<Record<string, RegionExpectation[]>> = {
      'number of regions: 3, expected 1': [{}],
      'sizeBytes of region 9: 32, expected 64': [{ sizeBytes: 64 }, {}, {}],
      'backing of region 10: bar, expected none': [{}, { backing: 'none' }, {}],
      'write of region 11: true, expected false': [{}, {}, { write: false }],
      'subtype of region 11: 3, expected 4': [{}, {}, { subtype: 4 }],
    }
    for (const [detail, regions] of Object.entries(wrong)) {
      const results = await checkRegionProvider(provider(), { ...CARD, regions, except: NO_CONTEST })
      const found = results.filter(({ outcome }) => outcome === 'broken')
      expect(found).toMatchObject([{ id: 'open-expected', detail }])
    }
  })
})

/** Faults planted in the core, for rules that a provider alone cannot break. */
const PLANTS: readonly (readonly [fault: string, plant: () => unknown, breaks: readonly RegionRuleId[]])[] = [
  [
    'tells another size',
    () => vi.spyOn(DeviceRegion.prototype, 'sizeBytes', 'get').mockReturnValue(2 ** 20),
    ['info-index', 'access-bounds', 'map-refused'],
  ],
  [
    'asks for members that are not there',
    () => vi.spyOn(DeviceRegion.prototype, 'requireAccess').mockReturnValue(undefined),
    ['access-bounds', 'access-refused'],
  ],
  [
    'passes on reads of nothing',
    () =>
      vi.spyOn(DeviceFile.prototype, 'read').mockImplementation(function (this: DeviceFile, transfer) {
        return this.device.driver.read(transfer)
      }),
    ['access-nothing'],
  ],
  [
    'gives a second process nothing',
    () => {
      const { pread } = LiveProcess.prototype
      return vi.spyOn(LiveProcess.prototype, 'pread').mockImplementation(function (
        this: LiveProcess,
        ...args
      ) {
        return this.id === 'vm1' ? lengthOf(args[1]) : pread.apply(this, args)
      })
    },
    ['access-shared'],
  ],
  [
    'closes twice',
    () =>
      vi.spyOn(DeviceRegion.prototype, 'close').mockImplementation(function (this: DeviceRegion) {
        this.region.close?.()
        this.region.close?.()
      }),
    ['map-keeps-open'],
  ],
  [
    'forgets resetDone',
    () => vi.spyOn(DeviceRegion.prototype, 'resetDone').mockReturnValue(undefined),
    ['reset-paired'],
  ],
  [
    'does not contain what read throws',
    () =>
      vi.spyOn(DeviceRegion.prototype, 'read').mockImplementation(function* (
        this: DeviceRegion,
        offset,
        out,
      ) {
        yield* effect('read', [undefined], () => void this.region.read!(offset, out))
      }),
    ['throw-member'],
  ],
  [
    'zaps BAR0-5 only',
    () => plantZapRanges(() => [{ first: 0, last: 6 * REGION_PAGES - 1 }]),
    ['bar-memory-off', 'bar-d3hot', 'bar-function-reset', 'bar-hot-reset'],
  ],
  [
    'zaps everything',
    () => plantZapRanges(() => [{ first: 0, last: 100 * REGION_PAGES }]),
    ['memory-memory-off', 'memory-d3hot', 'memory-function-reset', 'memory-hot-reset'],
  ],
]

function plantZapRanges(ranges: () => readonly PageRange[]): unknown {
  return vi.spyOn(OpenPciDevice.prototype, 'declareZapRanges').mockImplementation(function (
    this: OpenPciDevice,
  ) {
    this.device.zapWithMemory(ranges())
  })
}

describe('a core that', () => {
  afterEach(() => vi.restoreAllMocks())

  test.each(PLANTS)('%s breaks rules', async (_fault, plant, breaks) => {
    plant()
    expect(await broken(provider())).toEqual(breaks)
  })
})

test('no rule is without a defect that breaks it', () => {
  const proven = new Set([
    ...DEFECTS.flatMap(({ breaks }) => breaks),
    ...PLANTS.flatMap(([, , breaks]) => breaks),
    ...CONTESTS,
    'open-expected',
  ])
  expect(Object.keys(REGION_RULES).filter((id) => !proven.has(id))).toEqual([])
})
