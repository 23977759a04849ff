/** Rules about what a disturbance takes away and what it leaves. */

import { demand, demandSame, outcomeOf } from '../demand.ts'
import type { DeviceUser, UserMapping } from '../device-user.ts'
import { DISTURBANCES, type Disturbance, type DisturbanceName } from '../disturbance.ts'
import type { PluginBench } from '../plugin-bench.ts'
import type { ChecksNamed, MappablePart, RegionCheck, RuleContext } from '../region-check.ts'
import { sampledPages } from '../samples.ts'
import { answers } from './answers.ts'
import { resetEveryStep } from './every-step.ts'

/** A mapped region with the pages that were touched. */
interface Mapped {
  readonly index: number
  readonly part: MappablePart
  readonly mapping: UserMapping
  readonly pages: readonly number[]
}

/** BAR-backed pages go, and come back. */
function barPagesGo(name: DisturbanceName): RegionCheck {
  const disturbance = DISTURBANCES[name]
  return {
    needs: ['map-pages', 'map-same', 'reset-paired'],
    silent: (context) => silence(context, 'tied', disturbance),
    check(context) {
      const { bench, user } = context.opened()
      const mapped = context.tied.map((each) => mapAll(user, each))
      const frames = mapped.map(({ mapping, pages }) => mapping.vma.frameAt(pages[0]!)!)
      disturbance.begin(user, bench)
      for (const { index, mapping, pages } of mapped) {
        demandSame(`pages of region ${index} that stay`, mapping.vma.presentPages, 0)
        if (disturbance.end === undefined) continue
        const outcome = outcomeOf(() => user.load(mapping, pages[0]!))
        demandSame(`a touch of region ${index} during ${name}`, outcome, 'SIGBUS')
      }
      disturbance.end?.(user, bench)
      bench.demandNoFailure('resetPrepare', 'resetDone')
      for (const [at, { index, mapping, pages }] of mapped.entries()) {
        for (const page of pages) {
          const outcome = outcomeOf(() => user.load(mapping, page))
          bench.demandNoFailure('fault')
          demandSame(`page ${page} of region ${index} after ${name}`, outcome, 'ok')
        }
        const isSame = mapping.vma.frameAt(pages[0]!)!.isSame(frames[at]!)
        demand(isSame, `region ${index} shows another place of the BAR after ${name}`)
      }
    },
  }
}

/** Memory-backed pages stay. What is in them is the provider's business. */
function memoryStays(name: DisturbanceName): RegionCheck {
  const disturbance = DISTURBANCES[name]
  return {
    needs: ['map-pages', 'map-same', 'reset-paired'],
    silent: (context) => silence(context, 'untied', disturbance),
    check(context) {
      const { bench, user } = context.opened()
      const mapped = context.untied.map((each) => mapAll(user, each))
      const demandThere = (when: string) => {
        for (const each of mapped) {
          const { index, mapping, pages } = each
          demandSame(`pages of region ${index} ${when}`, mapping.vma.presentPages, pages.length)
          demandSame(
            `a touch of region ${index} ${when}`,
            outcomeOf(() => user.load(mapping, 0)),
            'ok',
          )
          demandSamePages(user, each, when)
        }
      }
      disturbance.begin(user, bench)
      demandThere(disturbance.end === undefined ? `after ${name}` : `during ${name}`)
      disturbance.end?.(user, bench)
      demandThere(`after ${name}`)
    },
  }
}

function demandSamePages(user: DeviceUser, { index, part, mapping, pages }: Mapped, when: string): void {
  const { vma } = mapping
  const fresh = user.map(part)
  for (const page of pages) {
    demandSame(
      `a new fault of page ${page} of region ${index} ${when}`,
      outcomeOf(() => user.load(fresh, page)),
      'ok',
    )
    const isSame = fresh.vma.frameAt(page)!.isSame(vma.frameAt(page)!)
    demand(
      isSame,
      `page ${page} of region ${index} is other memory ${when}: who has it mapped does not see it`,
    )
  }
  user.munmap(fresh)
}

const resetAnyTime: RegionCheck = {
  needs: ['map-pages', 'reset-paired'],
  silent: (context) => silence(context, undefined, DISTURBANCES['function reset']),
  check(context) {
    for (const [moment, prepare] of Object.entries(MOMENTS)) {
      const { bench, user } = context.opened()
      const before = answers(context.regions, user)
      const undo = prepare(context, user, bench)
      const outcome = outcomeOf(() => user.reset())
      bench.demandNoFailure('resetPrepare', 'resetDone')
      demandSame(`reset ${moment}`, outcome, 'ok')
      undo?.()
      demandSame(`what each region answers after a reset ${moment}`, answers(context.regions, user), before)
    }
  },
}

type Moment = (context: RuleContext, user: DeviceUser, bench: PluginBench) => (() => void) | undefined

const MOMENTS: Readonly<Record<string, Moment>> = {
  'right after open': () => undefined,
  'with everything mapped': (context, user) => {
    for (const each of context.mappable) mapAll(user, each)
    return undefined
  },
  'with mappings that were never touched': (context, user) => {
    for (const part of context.mappable) user.map(part)
    return undefined
  },
  'with memory off': (context, user) => {
    for (const each of context.mappable) mapAll(user, each)
    user.setMemory(false)
    return () => user.setMemory(true)
  },
  'after another reset': (_context, user) => {
    user.reset()
    return undefined
  },
}

const resetPaired: RegionCheck = {
  check(context) {
    const { bench, user } = context.opened()
    const { observed } = bench
    const names: DisturbanceName[] = ['function reset', 'hot reset', 'function reset']
    for (const name of names) {
      const disturbance = DISTURBANCES[name]
      if (!disturbance.possible(bench)) continue
      observed.calls.length = 0
      disturbance.begin(user, bench)
      for (const { index, position, region } of context.regions) {
        const expected = (['resetPrepare', 'resetDone'] as const).filter(
          (member) => region[member] !== undefined,
        )
        const found = observed.calls.filter((call) => call.owner === position).map(({ member }) => member)
        demandSame(`members of region ${index} asked around a ${name}`, found, expected)
      }
    }
    bench.demandNoFailure('resetPrepare', 'resetDone')
  },
}

function silence(
  context: RuleContext,
  kind: 'tied' | 'untied' | undefined,
  disturbance: Disturbance,
): string | undefined {
  if (kind !== undefined && context[kind].length === 0)
    return `there is no region backed by ${kind === 'tied' ? 'a BAR' : 'memory'}`
  return disturbance.possible(context.bench()) ? undefined : 'the card cannot do that under this kernel'
}

function mapAll(user: DeviceUser, part: MappablePart): Mapped {
  const { index, area } = part
  const mapping = user.map(part)
  const pages = sampledPages(area.sizeBytes)
  for (const page of pages)
    demandSame(
      `page ${page} of region ${index}`,
      outcomeOf(() => user.load(mapping, page)),
      'ok',
    )
  return { index, part, mapping, pages }
}

/** By id, in the order in which they are asked. */
export const DISTURBED_CHECKS: ChecksNamed<'bar' | 'memory' | 'reset'> = {
  'bar-memory-off': barPagesGo('memory off'),
  'bar-d3hot': barPagesGo('D3hot'),
  'bar-function-reset': barPagesGo('function reset'),
  'bar-hot-reset': barPagesGo('hot reset'),
  'memory-memory-off': memoryStays('memory off'),
  'memory-d3hot': memoryStays('D3hot'),
  'memory-function-reset': memoryStays('function reset'),
  'memory-hot-reset': memoryStays('hot reset'),
  'reset-any-time': resetAnyTime,
  'reset-every-step': resetEveryStep,
  'reset-paired': resetPaired,
}
