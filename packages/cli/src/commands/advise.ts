/** `vfiokit advise BDF`: can this function be given to a virtual machine, and what would it take? */
import type { Command } from 'commander'
import type { Terminal } from '../terminal.ts'

/** What can be asked. */
export interface AdviseFlags {
  readonly from?: string
  readonly format?: string
  readonly json?: boolean
}

/** Adds the command. @param finish - Takes the exit code. */
export function addAdvise(program: Command, terminal: Terminal, finish: (code: number) => void): void {
  program
    .command('advise')
    .summary('can this function be passed through, and what would it take')
    .description('Verdict first, then the IOMMU group with reasons, what a reset hits, and the next steps.')
    .argument('<bdf>', 'address of the function, dddd:bb:dd.f')
    .option('--from <path>', 'a file, or a folder with a copy of sysfs; the running system when left out')
    .option('--format <name>', 'format of the file, instead of recognising it')
    .option('--json', 'the advice as JSON')
    .action(async (bdf: string, flags: AdviseFlags) =>
      finish(await (await import('./advise-report.ts')).showAdvice(bdf, flags, terminal)),
    )
}
