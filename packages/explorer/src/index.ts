/**
 * Systematic exploration of operations: automata, every interleaving, the shortest counterexample.
 * @packageDocumentation
 */
export { type AnyLockingStrategy, INVARIANTS, type InvariantId } from '@vfiokit/locking'
export {
  type CompileOptions,
  compileOperation,
  type Ending,
  type RawAutomaton,
  type RawNode,
} from './compile/compile.ts'
export { CompileError, type CompileRule } from './compile/compile-error.ts'
export { type ReplayOptions, replayAgainst } from './compile/replay.ts'
export { type ExploreOptions, type ExploreProgress, explore, type StrategyVerdict } from './explore.ts'
export { restCheck } from './model/at-rest.ts'
export type { ExploredDevice } from './model/explored-device.ts'
export type { ExploredMapping, ExploredSpace } from './model/explored-mapping.ts'
export { Model } from './model/model.ts'
export type { MappingSpec, ModelSpec, OnBusy, StepSpec, TaskSpec } from './model/model-spec.ts'
export type { OverZap } from './model/over-zap.ts'
export { type ModelSize, resizeModel } from './model/resize.ts'
export type { AllStatesOptions } from './modes/all-states.ts'
export { type BoundedOptions, bounded } from './modes/bounded.ts'
export { bypass } from './modes/bypass.ts'
export { type ExhaustiveOptions, exhaustive, exploreNow, type Progress } from './modes/exhaustive.ts'
export { type Fairness, type LivenessOptions, liveness } from './modes/liveness.ts'
export { lockdep } from './modes/lockdep.ts'
export { type Replay, replay } from './modes/replay.ts'
export { runToEnd } from './modes/run-to-end.ts'
export { type SampleOptions, type SampleProgress, type Sampler, sample } from './modes/sample.ts'
export type {
  Automaton,
  AutomatonNode,
  Check,
  Guard,
  HeldLock,
  Instruction,
  VariableTable,
  Write,
} from './program/automaton.ts'
export type { ExploredPages } from './program/explored-pages.ts'
export type { LoweringContext, OpPlace, StepChecks } from './program/lower.ts'
export {
  makeProgram,
  type Program,
  type ProgramOptions,
  type ProgramTask,
  type TaskSource,
} from './program/program.ts'
export { Symbols, type Variable } from './program/symbols.ts'
export type { BlockedPlace, Counterexample, TraceStep } from './report/counterexample.ts'
export { cpuClock } from './report/cpu-clock.ts'
export { dotOf } from './report/dot.ts'
export { promelaOf } from './report/promela.ts'
export type { Mode, Verdict, VerdictKind } from './report/verdict.ts'
export { type LockSemantics, Machine } from './search/machine.ts'
export type { NodeTables } from './search/node-tables.ts'
export type { Overtaking } from './search/overtaking.ts'
export { ALL_REDUCTIONS, NO_REDUCTIONS, type Reductions } from './search/state-search.ts'
