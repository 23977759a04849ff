/**
 * Replays an automaton against its generator on random walks.
 *
 * Evidence, not proof: it finds what labels are too coarse for, and code whose steps depend on state
 * that no op reads.
 */
import { type Operation, randomSchedule } from '@vfiokit/locking'
import type { RawAutomaton } from './compile.ts'
import { describeStop, standsAt } from './compile.ts'
import { CompileError } from './compile-error.ts'
import { HistoryRun } from './history-run.ts'

/** How much is replayed. */
export interface ReplayOptions {
  readonly walks: number
  /** A walk that is longer is cut: the automaton may loop. */
  readonly stepsMax?: number
  readonly seed?: number
}

const STEPS_MAX = 200

/**
 * Walks automaton and generator side by side.
 *
 * @throws CompileError at the first step at which they differ.
 */
export function replayAgainst(
  automaton: RawAutomaton,
  make: () => Operation<unknown>,
  { walks, stepsMax = STEPS_MAX, seed = 1 }: ReplayOptions,
): void {
  const pick = randomSchedule(seed)
  for (let walk = 0; walk < walks; walk++) {
    const run = new HistoryRun(make)
    let at = automaton.start
    for (let step = 0; step < stepsMax; step++) {
      while (run.stop.kind === 'label' || run.stop.kind === 'progress') run.pass()
      const node = automaton.nodes[at]!
      if (!standsAt(run, node)) {
        const expected = node.op === undefined ? node.ending!.kind : `${node.op.kind} ${node.op.object}`
        const message = `its automaton stands at "${expected}", the code at ${describeStop(run)}`
        throw new CompileError('leaking-local', automaton.name, message)
      }
      if (node.results.length === 0) break
      const result = pick(node.results.length)
      run.answer(node.results[result])
      at = node.next[result]!
    }
  }
}
