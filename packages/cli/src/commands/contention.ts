/**
 * `vfiokit contention SCENARIO`: locking strategies compared in simulated time. Declares the command; the
 * simulation is loaded when it runs.
 */
import { type Command, InvalidArgumentError } from 'commander'
import type { Terminal } from '../terminal.ts'
import type { StrategyFlags } from './strategies-asked.ts'

/** What can be asked of a comparison. */
export interface ContentionFlags extends StrategyFlags {
  readonly devices?: readonly number[]
  readonly mappings?: readonly number[]
  readonly faultRate?: readonly number[]
  readonly toggleRate?: number
  readonly resetRate?: number
  readonly pages?: number
  /** Simulated seconds. */
  readonly duration?: number
  readonly seed?: number
  /** `name=ns`, as it was written. */
  readonly cost?: readonly string[]
  readonly json?: boolean
  /** Files to write. */
  readonly csv?: string
  readonly svg?: string
}

const DEVICES_MAX = 1024
const MAPPINGS_MAX = 65_536
const PAGES_MAX = 1 << 20
const RATE_MAX = 1e6
const SECONDS_MAX = 86_400
const SEED_MAX = 0xffff_ffff

/** Adds the command. @param finish - Takes the exit code. */
export function addContention(program: Command, terminal: Terminal, finish: (code: number) => void): void {
  program
    .command('contention')
    .summary('compare locking strategies in simulated time')
    .description(
      'Runs the tasks of a scenario again and again in simulated time, under a cost model, and prints\n' +
        'throughput, latencies, EBUSY and pages zapped in excess for each strategy. LIST is 1,2,4 or 1..256\n' +
        '(doubled from one to the other). Equal seeds print equal bytes.',
    )
    .argument('<scenario>', 'a scenario/1 file')
    .option('--strategy <name|file>', 'a strategy by name, or a module that exports one; repeatable', collect)
    .option('--all', 'every strategy that ships')
    .option('--devices <list>', 'that many devices: the last is copied with its tasks', list(1, DEVICES_MAX))
    .option('--mappings <list>', 'that many mappings for each one; 1', list(1, MAPPINGS_MAX))
    .option('--fault-rate <list>', 'touches per second of each thread that touches; 100', list(0, RATE_MAX))
    .option('--toggle-rate <n>', 'rounds per second of each other task; 20', number(0, RATE_MAX))
    .option('--reset-rate <n>', 'rounds per second of each task that hot-resets; 2', number(0, RATE_MAX))
    .option('--pages <n>', 'pages of each mapping; 64', whole(1, PAGES_MAX))
    .option('--duration <seconds>', 'simulated seconds; 5', number(1e-6, SECONDS_MAX))
    .option('--seed <n>', "instead of the scenario's", whole(0, SEED_MAX))
    .option('--cost <name=ns>', 'what a step costs, in nanoseconds; may be repeated', collect)
    .option('--csv <file>', 'write the figures as comma-separated values')
    .option('--svg <file>', 'write plots over what is varied')
    .option('--json', 'print the results as JSON')
    .action(async (path: string, flags: ContentionFlags) =>
      finish(await (await import('./contention-action.ts')).compareContention(path, flags, terminal)),
    )
}

function number(least: number, most: number): (text: string) => number {
  return (text) => {
    if (/^\d+(\.\d+)?(e-?\d+)?$/.test(text) && Number(text) >= least && Number(text) <= most)
      return Number(text)
    throw new InvalidArgumentError(`Expected a number from ${least} to ${most}.`)
  }
}

function whole(least: number, most: number): (text: string) => number {
  return (text) => {
    if (/^\d+$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text)
    throw new InvalidArgumentError(`Expected a whole number from ${least} to ${most}.`)
  }
}

/** `1,2,4`, or `1..256`: 1, 2, 4 and so on. */
function list(least: number, most: number): (text: string) => readonly number[] {
  const one = whole(least, most)
  return (text) => {
    const range = /^([^.]+)\.\.([^.]+)$/.exec(text)
    const values = range === null ? text.split(',').map(one) : doubled(one(range[1]!), one(range[2]!))
    if (values.length === 0) throw new InvalidArgumentError('Expected A..B with A at least 1 and at most B.')
    return [...new Set(values)]
  }
}

function doubled(from: number, to: number): number[] {
  const values: number[] = []
  for (let value = from; value > 0 && value <= to; value *= 2) values.push(value)
  return values
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text]
}
