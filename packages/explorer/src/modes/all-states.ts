/** Every state and every step between them, for questions that no reduction goes together with. */
import type { Program } from '../program/program.ts'
import { type LockSemantics, Machine } from '../search/machine.ts'
import { NO_REDUCTIONS, StateSearch } from '../search/state-search.ts'
import { MemoryExhausted } from '../search/state-store.ts'
import type { Progress } from './exhaustive.ts'

/** Bounds of looking at everything. */
export interface AllStatesOptions {
  readonly semantics?: LockSemantics
  readonly memoryMax?: number
  readonly shouldStop?: () => boolean
}

const SLICE_STATES = 20_000
const MEMORY_MAX = 2 ** 31

/** Searches slice by slice. Violations and deadlocks are for other modes: it goes on behind them. */
export function* allStates(
  program: Program,
  { semantics = 'any-free-moment', memoryMax = MEMORY_MAX, shouldStop }: AllStatesOptions,
): Generator<Progress, { readonly search: StateSearch; readonly stopped: string | undefined }> {
  const machine = new Machine(program, semantics)
  const search = new StateSearch(machine, { reductions: NO_REDUCTIONS, memoryMax, all: true })
  let stopped: string | undefined
  while (!search.isDone && stopped === undefined) {
    try {
      search.run(SLICE_STATES)
    } catch (error) {
      if (!(error instanceof MemoryExhausted)) throw error
      stopped = error.message
    }
    const { expanded, transitions, depth, store } = search
    yield { states: store.count, expanded, transitions, depth }
    if (shouldStop?.() === true) stopped ??= 'interrupted'
  }
  return { search, stopped }
}
