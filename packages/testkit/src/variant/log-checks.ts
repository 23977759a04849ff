/** Rules about the log of what a device writes by DMA. */
import { demand, demandSame, done, outcomeOf } from '../demand.ts'
import type { ChecksNamed, RegionCheck, RuleContext } from '../region-check.ts'
import { knows } from './driver-use.ts'
import { ALL_PAGES, LoggingUser } from './logging-user.ts'
import type { VariantRuleId } from './variant-rules.ts'

const silent = (context: RuleContext) => {
  if (context.variant.dmaLog === undefined) return 'the driver does not log DMA'
  return knows(context.bench(), 'DMA_LOGGING_START') ? undefined : 'the kernel has no log of DMA'
}

const logWritten: RegionCheck = {
  silent,
  check(context) {
    const user = LoggingUser.open(context.bench())
    done(user.start(ALL_PAGES))
    for (const pages of [[1], [0, 4], [1], [6, 6]]) {
      for (const page of pages) user.writeAround(page)
      const expected = [...new Set(pages.flatMap((page) => [page, page + 1]))]
      const found = done(user.report())
      const missing = expected.filter((page) => !found.includes(page))
      demandSame(`pages that were written and not reported, of ${expected.join(', ')}`, missing, [])
      demandSame('pages that are reported again', done(user.report()), [])
    }
    user.bench.demandNoFailure()
  },
}

const logOutside: RegionCheck = {
  needs: ['log-again'],
  silent,
  check(context) {
    const user = LoggingUser.open(context.bench())
    user.writeAround(4)
    done(user.start([4, 2]))
    demandSame('pages from before the start', done(user.report()), [])
    user.writeAround(1)
    demandSame('pages outside of the ranges', done(user.report()), [])
    done(user.stop())
    user.writeAround(4)
    done(user.start([4, 2]))
    demandSame('pages from between a stop and a start', done(user.report()), [])
    user.bench.demandNoFailure()
  },
}

const logAgain: RegionCheck = {
  needs: ['log-written'],
  silent,
  check(context) {
    const bench = context.bench()
    const user = LoggingUser.open(bench)
    done(user.start(ALL_PAGES))
    const again = outcomeOf(() => done(user.start(ALL_PAGES)))
    demand(again !== 'ok', 'a log that is on is started again')
    user.writeAround(2)
    demandSame('pages after a refused start', done(user.report()), [2, 3])
    done(user.stop())
    done(user.start(ALL_PAGES))
    user.release()
    user.user.close()
    const next = LoggingUser.open(bench)
    const outcome = outcomeOf(() => done(next.start(ALL_PAGES)))
    demandSame('a start after another open', outcome, 'ok')
    demandSame('pages of the log before', done(next.report()), [])
    bench.demandNoFailure()
  },
}

/** By id, in the order in which they are asked. */
export const LOG_CHECKS: ChecksNamed<'log', VariantRuleId> = {
  'log-written': logWritten,
  'log-outside': logOutside,
  'log-again': logAgain,
}
