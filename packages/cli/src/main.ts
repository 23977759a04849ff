/** The command line: usage, exit codes, and what is printed when something is wrong. */
import { Command, CommanderError } from 'commander'
import { addAdvise } from './commands/advise.ts'
import { addConform } from './commands/conform.ts'
import { addContention } from './commands/contention.ts'
import { addExplore } from './commands/explore.ts'
import { addPlugin } from './commands/plugin.ts'
import { addRecord } from './commands/record.ts'
import { addRun } from './commands/run.ts'
import { addTopo } from './commands/topo.ts'
import type { Terminal } from './terminal.ts'
import { ownVersion } from './version.ts'

/** Bad usage or input; a check that failed is 1. */
const EXIT_BAD_INPUT = 2

const EXIT_CODES = `
Exit code: 0 ok, 1 a check failed, 2 bad usage or input.
Results go to stdout, diagnostics to stderr. NO_COLOR turns colours off.`

/**
 * Runs one command.
 *
 * @param args - Without the program's own name.
 * @returns the exit code: 0 ok, 1 a check failed, 2 bad usage or input.
 */
export async function main(args: readonly string[], terminal: Terminal): Promise<number> {
  let code = 0
  const program = new Command('vfiokit')
    .description('PCI topologies and VFIO devices, simulated with the semantics of Linux.')
    .version(ownVersion(), '--version', 'print the version')
    .option('--debug', 'print stack traces')
    .helpOption('-h, --help', 'print help')
    .addHelpText('after', EXIT_CODES)
    .configureOutput({
      writeOut: (text) => void terminal.out.write(text),
      writeErr: (text) => void terminal.err.write(text),
    })
    .exitOverride()
    // An option belongs to the command it stands behind; --debug is everybody's, so it is taken out first.
    .enablePositionalOptions()
  const finish = (result: number) => {
    code = result
  }
  for (const add of [addRun, addExplore, addContention, addTopo, addAdvise, addConform, addRecord, addPlugin])
    add(program, terminal, finish)
  try {
    await program.parseAsync(
      args.filter((word) => word !== '--debug'),
      { from: 'user' },
    )
    return code
  } catch (error) {
    return explain(error, args.includes('--debug'), terminal)
  }
}

function explain(error: unknown, debug: boolean, { err }: Terminal): number {
  // Help and version are no mistakes; commander has printed whatever it had to say.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_BAD_INPUT
  const message = error instanceof Error ? error.message : String(error)
  // Not by class: the host that has it is loaded only by the commands that need it.
  const isConfigError = error instanceof Error && error.name === 'ConfigError'
  err.write(isConfigError ? `${message}\n` : `vfiokit: ${message}\n`)
  if (debug && error instanceof Error) err.write(`${error.stack}\n`)
  return EXIT_BAD_INPUT
}
