/** Rules about migration: what a VMM relies on when it takes a card from one host to another. */
import { MIGRATION_FLAGS, MIGRATION_STATE, type MigrationState } from '@vfiokit/vfio-core'
import { demand, demandSame, done, outcomeOf } from '../demand.ts'
import { anyReset, DISTURBANCES } from '../disturbance.ts'
import type { ChecksNamed, RegionCheck, RuleContext } from '../region-check.ts'
import { knows } from './driver-use.ts'
import { entered, MigratingUser, statesOf, wayBetween } from './migrating-user.ts'
import { joined } from './streaming-calls.ts'
import type { VariantRuleId } from './variant-rules.ts'

const { STOP, RUNNING, STOP_COPY, RESUMING, PRE_COPY } = MIGRATION_STATE

const silent = (context: RuleContext) => {
  if (context.variant.migration === undefined) return 'the driver has no migration'
  return knows(context.bench(), 'MIGRATION') ? undefined : 'the kernel has no migration'
}

const migrationSays: RegionCheck = {
  silent,
  check(context) {
    const { p2p = false, preCopy = false } = context.variant.migration!
    const { bench, calls } = MigratingUser.open(context.bench())
    const expected =
      MIGRATION_FLAGS.STOP_COPY | (p2p ? MIGRATION_FLAGS.P2P : 0) | (preCopy ? MIGRATION_FLAGS.PRE_COPY : 0)
    demandSame('flags', done(calls.flags()), expected)
    demandSame('state after open', done(calls.state()), RUNNING)
    const outcome = outcomeOf(() => done(calls.dataSize()))
    bench.demandNoFailure()
    demandSame('asking how much state there is', outcome, 'ok')
  },
}

const migrationWays: RegionCheck = {
  needs: ['migration-says'],
  silent,
  check(context) {
    const flags = flagsOf(context)
    for (const from of statesOf(flags))
      for (const to of statesOf(flags)) {
        const way = wayBetween(from, to, flags)
        const { bench, calls } = entered(context, from)
        const where = `the way from ${nameOf(from)} to ${nameOf(to)}`
        bench.observed.calls.length = 0
        let fd = -1
        const outcome = outcomeOf(() => {
          fd = done(calls.setState(to))
        })
        bench.demandNoFailure()
        demandSame(where, outcome, way === undefined ? 'EINVAL' : 'ok')
        demandSame(`the state after ${where}`, done(calls.state()), way === undefined ? from : to)
        demandSame(`${where} begins data`, fd >= 0, way?.beginsData === true)
        const steps = bench.observed.callsOf('driver', 'migration step').length
        demandSame(`steps on ${where}`, steps, way?.steps ?? 0)
      }
  },
}

const migrationCarries: RegionCheck = {
  needs: ['migration-ways'],
  silent,
  check(context) {
    const [source, target] = [MigratingUser.open(context.bench()), MigratingUser.open(context.bench())]
    source.setRegisters(1)
    const stream = done(source.calls.save())
    demandSame('what a card that was not touched gives again', done(source.calls.save()), stream)
    const outcome = outcomeOf(() => done(target.calls.resume(stream)))
    target.bench.demandNoFailure()
    demandSame('taking the state of another card', outcome, 'ok')
    demandSame('the state after it', done(target.calls.state()), RUNNING)
    demandSame('what the other card gives', done(target.calls.save()), stream)
  },
}

const migrationPrecopy: RegionCheck = {
  needs: ['migration-carries'],
  silent: (context) =>
    silent(context) ?? (context.variant.migration!.preCopy === true ? undefined : 'it has no pre-copy'),
  check(context) {
    const [source, target] = [MigratingUser.open(context.bench()), MigratingUser.open(context.bench())]
    const { calls } = source
    source.setRegisters(1)
    const fd = done(calls.setState(PRE_COPY))
    const parts: Uint8Array[] = []
    for (const value of [2, 3]) {
      demandInfo('in PRE_COPY', source, fd, 'ok')
      parts.push(done(calls.read(fd)))
      source.setRegisters(value)
    }
    demandSame('the descriptor of data that goes on', done(calls.setState(STOP_COPY)), -1)
    demandInfo('in STOP_COPY', source, fd, 'EINVAL')
    parts.push(done(calls.read(fd)))
    const outcome = outcomeOf(() => done(target.calls.resume(joined(parts))))
    target.bench.demandNoFailure()
    demandSame('taking the state of another card', outcome, 'ok')
    done(calls.setState(RUNNING))
    demandSame('what the other card gives', done(target.calls.save()), done(calls.save()))
  },
}

function demandInfo(when: string, { bench, calls }: MigratingUser, fd: number, expected: string): void {
  const outcome = outcomeOf(() => done(calls.preCopyInfo(fd)))
  bench.demandNoFailure()
  demandSame(`pre-copy info ${when}`, outcome, expected)
}

const migrationCut: RegionCheck = {
  needs: ['migration-carries'],
  silent,
  check(context) {
    const source = MigratingUser.open(context.bench())
    source.setRegisters(1)
    const stream = done(source.calls.save())
    for (const length of cutsOf(stream.length)) {
      const target = MigratingUser.open(context.bench())
      const before = target.registers()
      const fd = done(target.calls.setState(RESUMING))
      const ends = [
        outcomeOf(() => done(target.calls.write(fd, stream.subarray(0, length)))),
        outcomeOf(() => done(target.calls.setState(STOP))),
      ]
      target.bench.demandNoFailure()
      const what = `the first ${length} of ${stream.length} bytes`
      demand(ends[1] !== 'ok', `${what} are taken for the whole state`)
      demandSame(`registers after ${what}`, target.registers(), before)
    }
  },
}

/** Ends and some between; not the empty stream, and not the whole. */
function cutsOf(length: number): number[] {
  const cuts = [1, 4, Math.floor(length / 3), Math.floor(length / 2), length - 4, length - 1]
  return [...new Set(cuts)].filter((cut) => cut > 0 && cut < length)
}

const migrationReset: RegionCheck = {
  needs: ['migration-carries'],
  silent: (context) =>
    silent(context) ?? (anyReset(context.bench()) ? undefined : 'the card has no reset at all'),
  check(context) {
    for (const name of ['function reset', 'hot reset'] as const)
      for (const state of statesOf(flagsOf(context))) {
        const card = entered(context, state)
        if (!DISTURBANCES[name].possible(card.bench)) continue
        DISTURBANCES[name].begin(card.user, card.bench)
        demandAnew(card, `a ${name} in ${nameOf(state)}`)
        if (card.dataFd >= 0) demandUseless(card, `data after a ${name} in ${nameOf(state)}`)
      }
  },
}

/** One way or the other: data goes in one of them only. */
function demandUseless({ calls, dataFd }: MigratingUser, what: string): void {
  const ends = [() => void done(calls.read(dataFd)), () => done(calls.write(dataFd, new Uint8Array(1)))].map(
    outcomeOf,
  )
  demandSame(`${what} that can be used`, ends.includes('ok'), false)
}

const migrationClose: RegionCheck = {
  needs: ['migration-carries'],
  silent,
  check(context) {
    for (const state of statesOf(flagsOf(context))) {
      const { bench, user } = entered(context, state)
      user.close()
      demandAnew(MigratingUser.open(bench), `a close in ${nameOf(state)}`)
    }
  },
}

function demandAnew({ bench, calls }: MigratingUser, after: string): void {
  demandSame(`the state after ${after}`, done(calls.state()), RUNNING)
  let stream = new Uint8Array()
  const ends = [
    () => {
      stream = new Uint8Array(done(calls.save()))
    },
    () => done(calls.resume(stream)),
  ].map(outcomeOf)
  bench.demandNoFailure()
  demandSame(`saving and resuming after ${after}`, ends, ['ok', 'ok'])
}

function flagsOf(context: RuleContext): number {
  return done(MigratingUser.open(context.bench()).calls.flags())
}

const NAMES = new Map<number, string>(Object.entries(MIGRATION_STATE).map(([name, state]) => [state, name]))

function nameOf(state: MigrationState): string {
  return NAMES.get(state)!
}

/** By id, in the order in which they are asked. */
export const MIGRATION_CHECKS: ChecksNamed<'migration', VariantRuleId> = {
  'migration-says': migrationSays,
  'migration-ways': migrationWays,
  'migration-carries': migrationCarries,
  'migration-precopy': migrationPrecopy,
  'migration-cut': migrationCut,
  'migration-reset': migrationReset,
  'migration-close': migrationClose,
}
