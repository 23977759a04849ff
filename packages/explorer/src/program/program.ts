/** A program: some tasks, what each of them does, and what they work on. */
import type { Operation } from '@vfiokit/locking'
import { type CompileOptions, compileOperation } from '../compile/compile.ts'
import { replayAgainst } from '../compile/replay.ts'
import type { Automaton } from './automaton.ts'
import { NO_PAGES } from './explored-pages.ts'
import { type LoweringContext, lower, type StepChecks } from './lower.ts'
import { simplify } from './simplify.ts'
import { Symbols } from './symbols.ts'
import { type Lowered, watchUpdates } from './updates.ts'

/** A task before it is compiled. Tasks of one kind do exactly the same and are interchangeable. */
export interface TaskSource {
  readonly name: string
  readonly kind: string
  readonly make: () => Operation<unknown>
}

/** A task of a program. */
export interface ProgramTask {
  readonly name: string
  /** Number of its automaton. */
  readonly automaton: number
}

/** What is searched. */
export interface Program {
  readonly symbols: Symbols
  /** One for each kind of task; those behind `kinds` are probes that no task runs. */
  readonly automata: readonly Automaton[]
  /** Tasks of one kind stand side by side. */
  readonly tasks: readonly ProgramTask[]
  /** Run alone, from every state in which all tasks have ended: what must still work then. */
  readonly probes: readonly ProgramTask[]
}

/** How a program is made. */
export interface ProgramOptions extends CompileOptions {
  readonly context?: Partial<LoweringContext>
  readonly probes?: readonly TaskSource[]
  /** Random walks on which each automaton is compared with its code. 50 by default. */
  readonly replayWalks?: number
}

const REPLAY_WALKS = 50
const NO_CHECKS: StepChecks = () => []

/**
 * Compiles tasks into a program.
 *
 * @throws CompileError for an operation that breaks a rule of compiling.
 */
export function makeProgram(sources: readonly TaskSource[], options: ProgramOptions = {}): Program {
  const { probes = [], replayWalks = REPLAY_WALKS } = options
  const context: LoweringContext = {
    symbols: new Symbols(),
    pages: NO_PAGES,
    checks: NO_CHECKS,
    ...options.context,
  }
  const kinds = new Map<string, number>()
  const lowered: Lowered[] = []
  const numberOf = ({ kind, make }: TaskSource): number => {
    let number = kinds.get(kind)
    if (number === undefined) {
      const raw = compileOperation(kind, make, options)
      replayAgainst(raw, make, { walks: replayWalks })
      number = lowered.push({ raw, automaton: lower(raw, context) }) - 1
      kinds.set(kind, number)
    }
    return number
  }
  const toTask = (source: TaskSource): ProgramTask => ({ name: source.name, automaton: numberOf(source) })
  const tasks = sources.map(toTask).sort((a, b) => a.automaton - b.automaton)
  const checked = probes.map(toTask)
  const running = tasks.map(({ automaton }) => automaton)
  const automata = simplify(watchUpdates(lowered, running, context.symbols), context.symbols)
  return { symbols: context.symbols, tasks, probes: checked, automata }
}
