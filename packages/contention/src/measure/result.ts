/** What came of one simulation: figures, as data. */
import type { Machine } from '../machine/machine.ts'
import { OPERATION_KINDS, type OperationKind, type Tally } from './tally.ts'

/** Latencies of one kind of operation, in nanoseconds, and how many there were. */
export interface OperationFigures {
  readonly count: number
  /** Per simulated second. */
  readonly perSecond: number
  readonly p50: number
  readonly p90: number
  readonly p99: number
  readonly max: number
  /** Begun and not ended when the time was over, and the longest of them so far: `max` knows nothing of it. */
  readonly unfinished: number
  readonly oldest: number
}

/** How it ended: `ok` at the end of simulated time, with every operation come to its end and no lock held. */
export type ContentionVerdict = 'ok' | 'interrupted' | 'deadlock' | 'stalled' | 'failed'

/** One strategy at one size. */
export interface ContentionResult {
  readonly strategy: string
  readonly verdict: ContentionVerdict
  /** Why it is not ok. */
  readonly message?: string
  /** Simulated time that the figures are of. */
  readonly simulatedNs: number
  readonly steps: number
  readonly operations: { readonly [kind in OperationKind]?: OperationFigures }
  /** Touches that found their page. */
  readonly hits: number
  /** Touches that found their page or got it by a fault: where a fault brings in more, fewer are faults. */
  readonly touchesPerSecond: number
  /** Faults and accesses that ended in a signal or an errno. */
  readonly denied: number
  readonly hotResets: { readonly attempts: number; readonly refused: number; readonly ebusyRate: number }
  /** Faults whose page had gone in excess or in vain, and their share of all faults. */
  readonly refaults: {
    readonly excess: number
    readonly excessShare: number
    readonly inVain: number
    readonly inVainShare: number
  }
  readonly zapped: { readonly pages: number; readonly excess: number }
}

/** What a result is made of. */
export interface Measured {
  readonly tally: Tally
  readonly machine: Machine
  readonly verdict: ContentionVerdict
  readonly message: string | undefined
  readonly simulatedNs: number
  readonly steps: number
}

/** The figures of a run. */
export function resultOf({
  tally,
  machine,
  verdict,
  message,
  simulatedNs,
  steps,
}: Measured): ContentionResult {
  const { attempts, refused, hits, denied, faults } = tally
  const { pagesInAll, excessInAll } = machine.ledger
  const all = faults.wanted + faults.excess + faults['in-vain']
  return {
    strategy: machine.strategy.name,
    verdict,
    ...(message === undefined ? {} : { message }),
    simulatedNs,
    steps,
    operations: operationFigures(tally, simulatedNs),
    hits,
    touchesPerSecond: share((hits + all) * 1e9, simulatedNs),
    denied,
    hotResets: { attempts, refused, ebusyRate: share(refused, attempts) },
    refaults: {
      excess: faults.excess,
      excessShare: share(faults.excess, all),
      inVain: faults['in-vain'],
      inVainShare: share(faults['in-vain'], all),
    },
    zapped: { pages: pagesInAll, excess: excessInAll },
  }
}

function operationFigures(tally: Tally, simulatedNs: number): ContentionResult['operations'] {
  const { begun } = tally
  const figures: { [kind in OperationKind]?: OperationFigures } = {}
  for (const kind of OPERATION_KINDS) {
    const ages = begun.flatMap((each) => (each.kind === kind ? [simulatedNs - each.sinceNs] : []))
    const sorted = Float64Array.from(tally.latencies.get(kind) ?? []).sort()
    if (sorted.length + ages.length === 0) continue
    figures[kind] = {
      count: sorted.length,
      perSecond: share(sorted.length * 1e9, simulatedNs),
      p50: percentile(sorted, 50),
      p90: percentile(sorted, 90),
      p99: percentile(sorted, 99),
      max: sorted.at(-1) ?? 0,
      unfinished: ages.length,
      oldest: Math.max(0, ...ages),
    }
  }
  return figures
}

/** The nearest rank: so many percent of all are at most this long. 0 of nothing. */
export function percentile(sorted: Float64Array, percent: number): number {
  return sorted[Math.ceil((percent / 100) * sorted.length) - 1] ?? 0
}

function share(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole
}
