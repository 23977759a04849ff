/** Exhaustive exploration: every state, or a verdict that says what stopped it. */

import type { Check } from '../program/automaton.ts'
import type { Program } from '../program/program.ts'
import type { Counterexample } from '../report/counterexample.ts'
import { cpuClock } from '../report/cpu-clock.ts'
import type { Verdict } from '../report/verdict.ts'
import { type LockSemantics, Machine } from '../search/machine.ts'
import { ALL_REDUCTIONS, type Finding, type Reductions, StateSearch } from '../search/state-search.ts'
import { MemoryExhausted } from '../search/state-store.ts'
import { traceOf } from '../search/trace.ts'
import { runToEnd } from './run-to-end.ts'

/** How far a search has come. */
export interface Progress {
  readonly states: number
  readonly expanded: number
  readonly transitions: number
  readonly depth: number
}

/** Options of an exhaustive exploration. */
export interface ExhaustiveOptions {
  readonly semantics?: LockSemantics
  readonly reductions?: Reductions
  /** Bytes for states; 2 GiB by default. */
  readonly memoryMax?: number
  /** Seconds of CPU; no limit by default. */
  readonly cpuSecondsMax?: number
  /** Asked between slices: true ends the exploration with what is known. */
  readonly shouldStop?: () => boolean
  /** Called with the machine in each state in which no task can go on. */
  readonly atRest?: (machine: Machine) => Check | undefined
}

const SLICE_STATES = 20_000
const MEMORY_MAX = 2 ** 31
/** A shorter counterexample is looked for among that many states. */
const SHORTEST_STATES_MAX = 1_000_000
const SHORTEST: Reductions = { persistentSets: false, chains: false, symmetry: true }

/**
 * Explores a program, slice by slice: whoever drives it can show progress and stop it.
 *
 * @returns the verdict, through the last `next()`.
 */
export function* exhaustive(program: Program, options: ExhaustiveOptions = {}): Generator<Progress, Verdict> {
  const cpu = cpuClock()
  const { semantics = 'any-free-moment', reductions = ALL_REDUCTIONS, cpuSecondsMax } = options
  const search = startSearch(program, options, reductions)
  let bound: string | undefined
  while (!search.isDone && bound === undefined) {
    bound = runSlice(search)
    if (cpuSecondsMax !== undefined && cpu() > cpuSecondsMax) bound ??= `stopped after ${cpuSecondsMax} CPU s`
    yield progressOf(search)
    if (options.shouldStop?.() === true) bound ??= 'interrupted'
  }
  const common = {
    mode: 'exhaustive' as const,
    lockSemantics: semantics,
    reductions: namesOf(reductions),
    states: search.store.count,
    transitions: search.transitions,
  }
  const [finding] = search.findings
  if (finding === undefined) {
    if (search.isDone) return { verdict: 'ok', ...common, cpuSeconds: cpu() }
    return { verdict: 'unknown', bound: `${bound}; ${describeReach(search)}`, ...common, cpuSeconds: cpu() }
  }
  const counterexample = shortestTrace(program, options, search, finding)
  return { ...common, ...describeFinding(finding, counterexample), counterexample, cpuSeconds: cpu() }
}

/** An exploration at once. */
export function exploreNow(program: Program, options: ExhaustiveOptions = {}): Verdict {
  return runToEnd(exhaustive(program, options))
}

/** What a finding says in a verdict. */
function describeFinding(
  { kind, check }: Finding,
  { blocked }: Counterexample,
): Pick<Verdict, 'verdict' | 'property' | 'message'> {
  if (check !== undefined) return { verdict: kind, property: check.property, message: check.message }
  const waiting = blocked.map(({ task, waitsFor }) => `${task} waits for ${waitsFor}`)
  return { verdict: kind, property: 'deadlock', message: waiting.join(', ') }
}

function startSearch(
  program: Program,
  { semantics = 'any-free-moment', memoryMax = MEMORY_MAX, atRest }: ExhaustiveOptions,
  reductions: Reductions,
): StateSearch {
  const onTerminal = atRest === undefined ? {} : { onTerminal: atRest }
  return new StateSearch(new Machine(program, semantics), { reductions, memoryMax, ...onTerminal })
}

/** @returns what stopped it, in words; undefined when it can go on. */
function runSlice(search: StateSearch): string | undefined {
  try {
    search.run(SLICE_STATES)
    return undefined
  } catch (error) {
    if (error instanceof MemoryExhausted) return error.message
    throw error
  }
}

/** The reduced search leaves states out, so what it finds first need not be the shortest way. */
function shortestTrace(
  program: Program,
  options: ExhaustiveOptions,
  reduced: StateSearch,
  finding: Finding,
): Counterexample {
  if (!reduced.reductions.persistentSets && !reduced.reductions.chains) return traceOf(reduced, finding)
  const search = startSearch(program, options, SHORTEST)
  while (!search.isDone && search.store.count < SHORTEST_STATES_MAX) if (runSlice(search) !== undefined) break
  const [shortest] = search.findings
  return shortest?.kind === finding.kind && shortest.check?.property === finding.check?.property
    ? traceOf(search, shortest)
    : traceOf(reduced, finding)
}

function progressOf({ store, expanded, transitions, depth }: StateSearch): Progress {
  return { states: store.count, expanded, transitions, depth }
}

function describeReach({ store, expanded, depth }: StateSearch): string {
  return `${expanded} of ${store.count} states expanded, depth ${depth}`
}

/** The reductions that are on, in words. */
function namesOf({ persistentSets, chains, symmetry }: Reductions): string[] {
  return [
    ...(persistentSets ? ['persistent sets'] : []),
    ...(chains ? ['chains'] : []),
    ...(symmetry ? ['symmetric tasks'] : []),
  ]
}
