/** Rules about what regions cost beside a BAR: measured and told, and broken by what no noise explains. */
import { demand, now, outcomeOf } from '../demand.ts'
import type { DeviceUser } from '../device-user.ts'
import {
  type ChecksNamed,
  type MappablePart,
  type RegionCheck,
  type RuleContext,
  unlessThereAre,
} from '../region-check.ts'

/** Times a BAR. No noise explains it: the best of some rounds is compared. */
const RATIO_MAX = { access: 1000, fault: 100 } as const
const ROUNDS = 9
const ROUND_MS = 4
const TURNS_MAX = 400
const ACCESS_BYTES = 4
/** Of a region in the file. */
const REGION_SPAN = 2 ** 40

const costAccess: RegionCheck = {
  needs: ['read-inside'],
  silent: (context) =>
    unlessThereAre('region that can be read', ({ readable }) => readable)(context) ?? noBar(context),
  check: (context) => compare(context, context.readable, readOf, RATIO_MAX.access),
}

const costFault: RegionCheck = {
  needs: ['map-pages'],
  silent: (context) =>
    unlessThereAre('mappable region', ({ mappable }) => mappable)(context) ?? noBar(context),
  check: (context) => compare(context, context.mappable, faultOf, RATIO_MAX.fault),
}

/** What is accessed: the beginning of a region, or of a part of it. */
type Place = Pick<MappablePart, 'index'> & Partial<Pick<MappablePart, 'area'>>

/** The first memory BAR of the card whose first page can be mapped and read, and that is vfio-pci's. */
function barOf(context: RuleContext): Place | undefined {
  const { user } = context.opened()
  const replaced = new Set(context.regions.map(({ index }) => index))
  const bars = (context.fixture.function.bars ?? []).filter(
    ({ index, kind }) => kind !== 'io' && !replaced.has(index),
  )
  return bars.find((bar) => {
    const map = () => faultOf(user, bar)()
    return [map, readOf(user, bar)].every((call) => outcomeOf(call) === 'ok')
  })
}

function noBar(context: RuleContext): string | undefined {
  return barOf(context) === undefined ? 'the card has no memory BAR to compare with' : undefined
}

function readOf({ process, calls }: DeviceUser, { index }: Place): () => void {
  const buffer = new Uint8Array(ACCESS_BYTES)
  return () => void now(process.pread(calls.fd, buffer, index * REGION_SPAN))
}

function faultOf(user: DeviceUser, { index, area }: Place): () => void {
  return () => {
    const mapping = user.mmap(index, area?.offset ?? 0, 1)
    user.load(mapping, 0)
    user.munmap(mapping)
  }
}

function compare<T extends Place>(
  context: RuleContext,
  regions: readonly T[],
  callOf: (user: DeviceUser, place: T | Place) => () => void,
  most: number,
): void {
  const { bench, user } = context.opened()
  const bar = callOf(user, barOf(context)!)
  context.measured = regions
    .map((each) => {
      const { index } = each
      const ratio = ratioOf(callOf(user, each), bar)
      bench.observed.calls.length = 0
      demand(ratio < most, `region ${index} costs ${text(ratio)} times what a BAR costs`)
      return `region ${index}: ${text(ratio)} times a BAR`
    })
    .join(', ')
}

/** Of the best rounds: whatever else the machine does makes single rounds slower, never faster. */
function ratioOf(call: () => void, beside: () => void): number {
  const best = [call, beside].map((each) => ({ each, turns: turnsOf(each), ms: Number.POSITIVE_INFINITY }))
  for (let round = 0; round < ROUNDS; round++)
    for (const one of best) one.ms = Math.min(one.ms, timeOf(one.each, one.turns))
  return best[0]!.ms / best[1]!.ms
}

/** What fits into a round. */
function turnsOf(call: () => void): number {
  const once = Math.min(timeOf(call, 1), timeOf(call, 1))
  return Math.max(1, Math.min(TURNS_MAX, Math.floor(ROUND_MS / once)))
}

/** Milliseconds of one of so many turns. */
function timeOf(call: () => void, turns: number): number {
  const start = performance.now()
  for (let turn = 0; turn < turns; turn++) call()
  return Math.max((performance.now() - start) / turns, Number.EPSILON)
}

function text(ratio: number): string {
  return ratio < 10 ? ratio.toFixed(1) : Math.round(ratio).toLocaleString('en')
}

/** By id, in the order in which they are asked. */
export const COST_CHECKS: ChecksNamed<'cost'> = { 'cost-access': costAccess, 'cost-fault': costFault }
