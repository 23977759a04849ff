/**
 * `vfiokit explore SCENARIO`: every interleaving of a scenario, under one strategy or several. Declares the
 * command; the explorer is loaded when it runs.
 */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Terminal } from '../terminal.ts'
import type { StrategyFlags } from './strategies-asked.ts'

/** What can be asked of an exploration. */
export interface ExploreFlags extends StrategyFlags {
  readonly json?: boolean
  readonly locks?: 'free' | 'fair'
  readonly devices?: number
  readonly faults?: number
  readonly resets?: number
  /** Megabytes. */
  readonly maxMemory?: number
  /** Seconds. */
  readonly maxCpu?: number
  readonly reduce: boolean
  readonly mode?: 'exhaustive' | 'bounded' | 'sample' | 'lockdep' | 'liveness' | 'bypass'
  readonly preemptions?: number
  readonly runs?: number
  readonly seed?: number
  readonly sampler?: 'walk' | 'pct' | 'mixed'
  readonly engine?: boolean
  readonly fairness?: 'weak' | 'strong'
  /** A file of counterexamples to write. */
  readonly save?: string
  /** A file of counterexamples to take again. */
  readonly replay?: string
  /** A file to write, instead of exploring. */
  readonly promela?: string
  readonly dot?: string
}

const MODES = ['exhaustive', 'bounded', 'sample', 'lockdep', 'liveness', 'bypass']
const SAMPLERS = ['walk', 'pct', 'mixed']
const FAIRNESS = ['weak', 'strong']
const LOCKS = ['free', 'fair']

/** Adds the command. @param finish - Takes the exit code. */
export function addExplore(program: Command, terminal: Terminal, finish: (code: number) => void): void {
  program
    .command('explore')
    .summary('check every interleaving of a scenario')
    .description('Explores a scenario in every interleaving, and prints a verdict for each strategy.')
    .argument('<scenario>', 'a scenario/1 file')
    .option(
      '--strategy <name|file>',
      'a strategy by name, or a module that exports one; may be repeated',
      collect,
    )
    .option('--all', 'every strategy that ships')
    .addOption(
      new Option('--locks <semantics>', 'taken at any free moment, or in the order of coming').choices(LOCKS),
    )
    .option('--devices <n>', 'that many devices: the last is copied, with its mappings and tasks', whole(1))
    .option('--faults <n>', 'that many of each task that only touches mappings', whole(0))
    .option('--resets <n>', 'that many of each task that only hot-resets', whole(0))
    .option('--max-memory <MB>', 'stop when states need more; 2048 by default', whole(1))
    .option('--max-cpu <seconds>', 'stop after so much CPU time', whole(1))
    .addOption(new Option('--mode <mode>', 'what is looked at').choices(MODES).default('exhaustive'))
    .option('--preemptions <n>', 'bounded: how often a task that could go on may be stopped; 2', whole(0))
    .option('--runs <n>', 'sample: how many runs; 100000', whole(1))
    .option('--seed <n>', 'sample: equal seeds give equal runs; 1', whole(0))
    .addOption(new Option('--sampler <sampler>', 'sample: how runs are drawn; mixed').choices(SAMPLERS))
    .option('--engine', 'sample: the whole engine with its hardware, not the model of it')
    .addOption(new Option('--fairness <fairness>', 'liveness: of the scheduler; strong').choices(FAIRNESS))
    .option('--save <file>', 'keep the counterexamples in a file')
    .option('--replay <file>', 'take the steps of kept counterexamples again, instead of exploring')
    .option('--promela <file>', 'write the automata for SPIN, instead of exploring')
    .option('--dot <file>', 'write the automata as graphs, instead of exploring')
    .option('--no-reduce', 'look at every state: slow, for comparing')
    .option('--json', 'print the results as JSON')
    .action(async (path: string, flags: ExploreFlags) =>
      finish(await (await import('./explore-action.ts')).exploreScenario(path, flags, terminal)),
    )
}

function whole(least: number): (text: string) => number {
  return (text) => {
    if (!/^\d{1,6}$/.test(text) || Number(text) < least)
      throw new InvalidArgumentError(`Expected a whole number, at least ${least}.`)
    return Number(text)
  }
}

function collect(name: string, before: readonly string[] = []): readonly string[] {
  return [...before, name]
}
