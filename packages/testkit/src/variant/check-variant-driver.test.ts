import {
  checkVariantDriver,
  REGION_RULES,
  type RuleResult,
  VARIANT_RULES,
  type VariantRuleId,
} from '@vfiokit/testkit/check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { VARIANT_DEFECTS, type VariantDefect } from '../fixtures/variants/bad-drivers.ts'
import { driver, VARIANT_CARD } from '../fixtures/variants/variant-card.ts'

const IDS = Object.keys(VARIANT_RULES) as VariantRuleId[]
/** Asked of a bad driver only where its defect breaks one of them. */
const SLOW = IDS.filter(
  (id) =>
    /^(contest|live|leak|cost)-/.test(id) || ['open-again', 'reset-every-step', 'throw-endless'].includes(id),
)
/** Shared with providers, whose bad ones prove them. */
const OF_DRIVERS = IDS.filter((id) => !(id in REGION_RULES))

async function broken({ bad, breaks, fixture }: VariantDefect): Promise<VariantRuleId[]> {
  const except = Object.fromEntries(SLOW.filter((id) => !breaks.includes(id)).map((id) => [id, 'takes long']))
  const results = await checkVariantDriver(bad, { ...VARIANT_CARD, ...fixture, except })
  return brokenOf(results)
}

function brokenOf(results: readonly RuleResult<VariantRuleId>[]): VariantRuleId[] {
  return results.filter(({ outcome }) => outcome === 'broken').map(({ id }) => id)
}

afterEach(() => vi.restoreAllMocks())

describe('a variant driver that', () => {
  test('keeps the contract has every rule held, but the one of other cards', async () => {
    const results = await checkVariantDriver(driver(), {
      ...VARIANT_CARD,
      replacements: { 4: { sizeBytes: 0x8000, read: true, write: true, backing: 'memory' } },
    })
    expect(results.filter(({ outcome }) => outcome !== 'holds').map(({ id }) => id)).toEqual(['map-once'])
    expect(results.map(({ id, sentence }) => [id, sentence])).toEqual(Object.entries(VARIANT_RULES))
  })

  test.each(VARIANT_DEFECTS)('$defect breaks $breaks', async (defect) => {
    expect((await broken(defect)).sort()).toEqual([...defect.breaks].sort())
  })
})

test('a driver that only cuts a BAR is asked what there is to ask of it', async () => {
  const cutting = driver(undefined, { open: () => ({ bars: { 1: { visibleBytes: 0x2000 } } }) })
  const results = await checkVariantDriver(cutting, VARIANT_CARD)
  expect(brokenOf(results)).toEqual([])
  const held = results.filter(({ outcome }) => outcome === 'holds').map(({ id }) => id)
  expect(held).toEqual(
    expect.arrayContaining(['cut-visible', 'reset-any-time', 'live-5.10', 'contest-rfc-2021']),
  )
  expect(results.find(({ id }) => id === 'map-pages')).toMatchObject({
    outcome: 'silent',
    detail: 'variant-card opens no region',
  })
})

test('a driver under a kernel without migration is asked for ENOTTY, and the rest', async () => {
  const results = await checkVariantDriver(driver(), { ...VARIANT_CARD, kernel: '5.10' })
  const silent = results.filter(({ outcome }) => outcome !== 'holds').map(({ detail }) => detail)
  expect(new Set(silent)).toEqual(
    new Set([
      'the fixture expects nothing',
      'the fixture has no region that maps once',
      'the card cannot do that under this kernel',
      'the kernel has no migration',
      'the kernel has no log of DMA',
    ]),
  )
})

test('a driver that throws in open is asked for nothing but what it matches', async () => {
  const throwing = driver(undefined, {
    open() {
      throw new Error('no firmware')
    },
  })
  const results = await checkVariantDriver(throwing, VARIANT_CARD)
  const asked = results.filter(({ outcome }) => outcome !== 'silent')
  expect(asked.map(({ id, outcome }) => [id, outcome])).toEqual([
    ['match-own', 'holds'],
    ['match-pure', 'holds'],
    ['open-variant', 'broken'],
  ])
})

test('no rule that only drivers have is without a bad driver that breaks it', () => {
  const proven = new Set(VARIANT_DEFECTS.flatMap(({ breaks }) => breaks))
  expect(OF_DRIVERS.filter((id) => !proven.has(id))).toEqual([])
})
