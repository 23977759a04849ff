/** What an exploration came to, with everything that bounds what it says. */
import type { LockSemantics } from '../search/machine.ts'
import type { Overtaking } from '../search/overtaking.ts'
import type { Counterexample } from './counterexample.ts'

/** How states were looked at. Only `exhaustive` without a `bound` says something of all of them. */
export type Mode = 'exhaustive' | 'bounded' | 'sample' | 'lockdep' | 'liveness' | 'bypass'

/** ok: nothing found in what was looked at. unknown: stopped before the end, nothing found so far. */
export type VerdictKind = 'ok' | 'deadlock' | 'violation' | 'livelock' | 'error' | 'unknown'

/** The outcome of one exploration. */
export interface Verdict {
  readonly verdict: VerdictKind
  /** What failed: I1-I7, H3, `deadlock`, ... */
  readonly property?: string
  readonly message?: string
  readonly mode: Mode
  readonly lockSemantics: LockSemantics
  /** What was not looked at, in words; absent when everything was. */
  readonly bound?: string
  readonly reductions: readonly string[]
  readonly states: number
  readonly transitions: number
  /** User and system time of the process, compiling included. */
  readonly cpuSeconds: number
  readonly counterexample?: Counterexample
  /** Of `bypass`: the longest waits. */
  readonly overtaken?: readonly Overtaking[]
}
