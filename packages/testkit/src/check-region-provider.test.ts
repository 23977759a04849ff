import { unmapRange, vmaList } from '@vfiokit/locking-strategies'
import {
  checkRegionProvider,
  REGION_RULES,
  type RegionExpectation,
  type RegionRuleId,
  type RuleResult,
} from '@vfiokit/testkit/check'
import { KERNEL_VERSIONS, type KernelVersion } from '@vfiokit/vfio-core'
import { PciBus, type RegionProvider } from '@vfiokit/vfio-pci'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { DEFECTS } from './fixtures/bad-providers.ts'
import { CARD, provider, regions, VENDOR, withParts } from './fixtures/card.ts'
import type { Defect } from './fixtures/defects/defect.ts'
import { mappedOnce } from './fixtures/defects/mapping.ts'

const IDS = Object.keys(REGION_RULES) as RegionRuleId[]
/** Asked of a bad provider only where its defect breaks one of them. */
const SLOW = IDS.filter(
  (id) =>
    /^(contest|live|leak|cost)-/.test(id) || ['open-again', 'reset-every-step', 'throw-endless'].includes(id),
)

/** Ids of the rules that a provider breaks. */
async function broken(bad: RegionProvider, of: Partial<Defect> = {}): Promise<RegionRuleId[]> {
  const unasked = (of.isAskedAlone === true ? IDS : SLOW).filter((id) => of.breaks?.includes(id) !== true)
  const except = Object.fromEntries(unasked.map((id) => [id, 'takes long']))
  return brokenOf(await checkRegionProvider(bad, { ...CARD, ...of.fixture, except }))
}

function brokenOf(results: readonly RuleResult[]): RegionRuleId[] {
  return results.filter(({ outcome }) => outcome === 'broken').map(({ id }) => id)
}

const NOT_SLOW = Object.fromEntries(SLOW.map((id) => [id, 'takes long']))

/** A region that fills with a pattern which depends on the place alone. */
const pattern = (offset: number, out: Uint8Array) => out.set(out.map((_, at) => offset + at))

describe('a provider that keeps the contract', () => {
  test('has every rule held, and those silent that are of other cards', async () => {
    const results = await checkRegionProvider(provider(), {
      ...CARD,
      regions: [
        { type: 0x8000_0000 + VENDOR, subtype: 1, sizeBytes: 32, read: true, write: false, backing: 'none' },
        { backing: 'bar' },
        {},
      ],
    })
    expect(results.filter(({ outcome }) => outcome !== 'holds').map(({ id }) => id)).toEqual(['map-once'])
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

  test('may refuse all but the first mapping of each open', async () => {
    const results = await checkRegionProvider(mappedOnce('open'), { ...CARD, mapsOnce: 'EPERM' })
    const silent = results.filter(({ outcome }) => outcome !== 'holds').map(({ id }) => id)
    expect(silent).toEqual(['open-expected'])
  })

  test('may break a rule on purpose, for a reason', async () => {
    const bad = withParts({ log: () => ({ read: pattern }) })
    const results = await checkRegionProvider(bad, {
      ...CARD,
      except: { ...NOT_SLOW, 'map-read': 'reads are filtered' },
    })
    expect(results.filter(({ outcome }) => outcome === 'broken')).toEqual([])
    expect(results.find(({ id }) => id === 'map-read')).toMatchObject({
      outcome: 'silent',
      detail: 'excepted: reads are filtered',
    })
  })
})

describe('under a kernel where Linux has no such regions, a provider', () => {
  test('may open nothing, when its fixture says so', async () => {
    const results = await checkRegionProvider(opensNothingUnder('6.1', '7.2'), {
      ...CARD,
      nothingUnder: ['6.1', '7.2'],
      strategies: [unmapRange, vmaList],
    })
    expect(brokenOf(results)).toEqual([])
    const live = results.filter(({ id }) => id.startsWith('live-'))
    expect(live.map(({ outcome }) => outcome)).toEqual(['holds', 'holds', 'holds', 'holds'])
  })

  test('that opens nothing while the fixture does not say so breaks the rule of that kernel', async () => {
    expect(await broken(opensNothingUnder('6.1'), { breaks: ['live-6.1'] })).toEqual(['live-6.1'])
  })

  test('cannot be tested where there is nothing to test', async () => {
    const nowhere = { ...CARD, nothingUnder: KERNEL_VERSIONS }
    await expect(checkRegionProvider(provider(), nowhere)).rejects.toThrow('nothingUnder names every kernel')
    const there = { ...CARD, nothingUnder: ['6.1'], kernel: '6.1' } as const
    await expect(checkRegionProvider(provider(), there)).rejects.toThrow('kernel is 6.1, and so is one of')
  })
})

/** Told the kernel by the bus that its function is bound to. */
function opensNothingUnder(...kernels: readonly KernelVersion[]): RegionProvider {
  let kernel: KernelVersion | undefined
  const { bind } = PciBus.prototype
  vi.spyOn(PciBus.prototype, 'bind').mockImplementation(function (this: PciBus, ...args) {
    kernel = this.core.profile.version
    return bind.apply(this, args)
  })
  return provider({ open: (host) => (kernels.includes(kernel!) ? [] : regions(host)) })
}

describe('a provider that', () => {
  test.each(DEFECTS)('$defect breaks $breaks', async (defect) => {
    expect((await broken(defect.bad, defect)).sort()).toEqual([...defect.breaks].sort())
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
      const results = await checkRegionProvider(provider(), { ...CARD, regions, except: NOT_SLOW })
      const found = results.filter(({ outcome }) => outcome === 'broken')
      expect(found).toMatchObject([{ id: 'open-expected', detail }])
    }
  })
})

afterEach(() => vi.restoreAllMocks())

test('no rule is without a bad provider that breaks it', () => {
  const proven = new Set(DEFECTS.flatMap(({ breaks }) => breaks))
  expect(Object.keys(REGION_RULES).filter((id) => !proven.has(id as RegionRuleId))).toEqual([])
})
