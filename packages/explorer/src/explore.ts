/** Explores one model under one strategy, in any mode. */
import { type AnyLockingStrategy, INVARIANTS } from '@vfiokit/locking'
import { CompileError } from './compile/compile-error.ts'
import { restCheck } from './model/at-rest.ts'
import { Model } from './model/model.ts'
import type { ModelSpec } from './model/model-spec.ts'
import { type BoundedOptions, bounded } from './modes/bounded.ts'
import { bypass } from './modes/bypass.ts'
import { type ExhaustiveOptions, exhaustive } from './modes/exhaustive.ts'
import { type LivenessOptions, liveness } from './modes/liveness.ts'
import { lockdep } from './modes/lockdep.ts'
import { type SampleOptions, sample } from './modes/sample.ts'
import type { Program } from './program/program.ts'
import { cpuClock } from './report/cpu-clock.ts'
import type { Mode, Verdict } from './report/verdict.ts'

/** How a model is explored: the mode, and the options of that mode. */
export interface ExploreOptions
  extends Omit<ExhaustiveOptions & BoundedOptions & LivenessOptions & SampleOptions, 'atRest'> {
  /** `exhaustive` by default. */
  readonly mode?: Mode
}

/** How far an exploration has come: states, or runs of sampling. */
export interface ExploreProgress {
  readonly states?: number
  readonly runs?: number
  readonly transitions: number
}

/** A verdict with the name of the strategy that it is about. */
export interface StrategyVerdict extends Verdict {
  readonly strategy: string
  /**
   * The most mappings of other devices that one zap of an operation reaches. Of the code, not of what was
   * looked at; absent where it was not compiled.
   */
  readonly overZap?: number
}

type Explorer = (
  program: Program,
  options: ExploreOptions & Pick<ExhaustiveOptions, 'atRest'>,
) => Generator<ExploreProgress, Verdict>

const MODES: { readonly [M in Mode]: Explorer } = {
  exhaustive,
  bounded,
  sample,
  liveness,
  bypass,
  // biome-ignore lint/correctness/useYield: it is done at once
  *lockdep(program, { semantics }) {
    return lockdep(program, semantics)
  },
}

/**
 * Explores slice by slice; the verdict comes through the last `next()`.
 *
 * A strategy that cannot be compiled has the verdict `error`, with the rule that it breaks.
 */
export function* explore(
  strategy: AnyLockingStrategy,
  spec: ModelSpec,
  options: ExploreOptions = {},
): Generator<ExploreProgress, StrategyVerdict> {
  const { mode = 'exhaustive', semantics = 'any-free-moment' } = options
  const cpu = cpuClock()
  try {
    const model = new Model(strategy, spec)
    const program = model.program()
    const verdict = yield* MODES[mode](program, { ...options, atRest: restCheck(model, program) })
    const overZap = model.overZap.mappings
    return { strategy: strategy.name, ...verdict, ...boundOf(spec, verdict), overZap, cpuSeconds: cpu() }
  } catch (error) {
    if (!(error instanceof CompileError)) throw error
    const nothing = { reductions: [], states: 0, transitions: 0, cpuSeconds: cpu() }
    const found = { verdict: 'error' as const, property: error.rule, message: error.message }
    return { strategy: strategy.name, ...found, mode, lockSemantics: semantics, ...nothing }
  }
}

/** What was not asked is not known to hold: that bounds a verdict like what was not looked at. */
function boundOf({ invariants }: ModelSpec, { bound }: Verdict): Pick<Verdict, 'bound'> {
  const isAll =
    invariants === undefined || Object.keys(INVARIANTS).every((id) => invariants.some((each) => each === id))
  const asked = isAll
    ? []
    : [invariants.length === 0 ? 'no invariant asked' : `only ${invariants.join(', ')} asked`]
  const bounds = [...(bound === undefined ? [] : [bound]), ...asked]
  return bounds.length === 0 ? {} : { bound: bounds.join('; ') }
}
