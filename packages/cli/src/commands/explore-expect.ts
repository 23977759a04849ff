/** What a scenario expects of its strategies, compared with what an exploration can come to. */
import type { AnyLockingStrategy, StrategyVerdict } from '@vfiokit/explorer'
import {
  ConfigError,
  complainPlainly,
  findStrategy,
  type Scenario,
  shippedStrategies,
  type Verdict,
} from '@vfiokit/host/files'

/** A verdict beside the expected one, which is absent where the scenario expects nothing. */
export interface ExpectedVerdict extends StrategyVerdict {
  readonly expected?: Verdict
}

/** What a run can come to, and an exploration cannot. */
const OF_RUNS_ONLY: readonly Verdict[] = ['unchecked', 'failed']

/**
 * @returns what is expected of a strategy; `ok` for one that `expect` does not name.
 * @throws ConfigError for a strategy that there is not, and for a verdict that no exploration has.
 */
export function expectationsOf(
  { document: { expect }, complain = complainPlainly }: Scenario,
  strategies: readonly AnyLockingStrategy[],
): (verdict: StrategyVerdict) => Pick<ExpectedVerdict, 'expected'> {
  if (expect === undefined) return () => ({})
  const offered = [...shippedStrategies(), ...strategies]
  const defects = Object.entries(expect).flatMap(([name, verdict]) => {
    const at = ['expect', name]
    if (findStrategy(name, offered) === undefined)
      return complain(at, { code: 'strategy-unknown', message: 'there is no such strategy', found: name })
    if (!OF_RUNS_ONLY.includes(verdict)) return []
    const message = 'an exploration cannot come to this'
    return complain(at, {
      code: 'expect-not-explored',
      message,
      expected: 'ok, violation, deadlock',
      found: verdict,
    })
  })
  if (defects.length > 0) throw new ConfigError(defects)
  return ({ strategy }) => ({ expected: expect[strategy] ?? 'ok' })
}
