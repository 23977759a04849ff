/**
 * `vfiokit conform`: replays what real kernels did on the model. Declares the command; what it needs is loaded
 * when it runs.
 */
import type { Command } from 'commander'
import type { Terminal } from '../terminal.ts'

/** What can be asked of a conformance run. */
export interface ConformFlags {
  readonly kernel?: readonly string[]
  readonly golden?: string
  readonly data?: string
  readonly json?: boolean
}

/** Adds the command. @param finish - Takes the exit code. */
export function addConform(program: Command, terminal: Terminal, finish: (code: number) => void): void {
  program
    .command('conform')
    .summary('compare the model with what real kernels did')
    .description('Replays recorded scripts on simulated hosts, and compares operation by operation.')
    .argument('[traces...]', 'names of traces, or host/name; all by default')
    .option(
      '--kernel <version>',
      'a kernel, or several with commas; may be repeated; all by default',
      collect,
    )
    .option('--golden <folder>', 'where the traces are; the shipped ones by default')
    .option('--data <folder>', 'where snapshots, masks and profiles are that the golden folder lacks')
    .option('--json', 'print the results as JSON')
    .action(async (traces: readonly string[], flags: ConformFlags) =>
      finish(await (await import('./conform-action.ts')).conformAction(traces, flags, terminal)),
    )
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, ...text.split(',')]
}
