/** `vfiokit record SCRIPT --host HOST`: writes a trace of the model. Declares the command. */
import type { Command } from 'commander'
import type { Terminal } from '../terminal.ts'

/** What a recording needs. */
export interface RecordFlags {
  readonly host: string
  readonly out?: string
}

/** Adds the command. @param finish - Takes the exit code. */
export function addRecord(program: Command, terminal: Terminal, finish: (code: number) => void): void {
  program
    .command('record')
    .summary('run a script on a simulated host and write what it did')
    .description(
      'Runs a script of operations on a simulated host, and writes a trace: one JSON object a line.',
    )
    .argument('<script>', 'a script of operations')
    .requiredOption('--host <file>', 'a host/1 file, of a machine that has a sysfs snapshot')
    .option('--out <file>', 'write the trace there instead of to the output')
    .action(async (script: string, flags: RecordFlags) =>
      finish(await (await import('./record-action.ts')).recordAction(script, flags, terminal)),
    )
}
