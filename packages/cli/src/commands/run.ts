/**
 * `vfiokit run SCENARIO`: runs it, prints what happened and every invariant. Declares the command; the engine is
 * loaded when it runs.
 */
import { type Command, InvalidArgumentError, Option } from 'commander'
import type { Terminal } from '../terminal.ts'

/** What can be asked of a run. */
export interface RunFlags {
  readonly json?: boolean
  readonly seed?: number
  readonly strategy?: readonly string[]
  readonly timeline: boolean
  /** File for what plugins are asked and answer. */
  readonly record?: string
  /** Such a file, to compare with. */
  readonly against?: string
  /** Goes on, and runs again whenever a file changes. */
  readonly watch?: boolean
}

/** What the schedule's generator keeps of a seed. */
const SEED_MAX = 0xffff_ffff

/** Adds the command. @param finish - Takes the exit code. */
export function addRun(program: Command, terminal: Terminal, finish: (code: number) => void): void {
  program
    .command('run')
    .summary('run a scenario on simulated devices')
    .description('Runs a scenario under a seeded schedule, and prints what happened and every invariant.')
    .argument('<scenario>', 'a scenario/1 file')
    .option('--seed <n>', "seed of the schedule, instead of the scenario's", seedOf)
    .option('--strategy <name>', "a locking strategy, instead of the scenario's; may be repeated", collect)
    .option('--no-timeline', 'leave the timeline out')
    .option('--json', 'print the results as JSON')
    .option('--record <file>', 'write down there what plugins are asked and answer')
    .addOption(
      new Option(
        '--against <file>',
        'compare with what was recorded, and print the first difference',
      ).conflicts(['record', 'json']),
    )
    .addOption(
      new Option(
        '--watch',
        'go on, and load plugins that change into the running host, until SIGINT',
      ).conflicts(['record', 'against', 'json']),
    )
    .action(async (path: string, flags: RunFlags) =>
      finish(await (await import('./run-action.ts')).run(path, flags, terminal)),
    )
}

function seedOf(text: string): number {
  if (!/^\d+$/.test(text) || Number(text) > SEED_MAX)
    throw new InvalidArgumentError(`Expected a whole number from 0 to ${SEED_MAX}.`)
  return Number(text)
}

function collect(name: string, before: readonly string[] = []): readonly string[] {
  return [...before, name]
}
