/** `vfiokit topo`: what is plugged in where. Declares the command; what it does is loaded when it runs. */
import type { Command } from 'commander'
import type { Terminal } from '../terminal.ts'
import { isSysfs } from './sysfs-place.ts'

/** What can be asked of a machine. */
export interface TopoFlags {
  readonly from?: string
  readonly format?: string
  readonly json?: boolean
  readonly tree?: boolean
  readonly yaml?: boolean
  readonly lspci?: boolean
  readonly groups?: boolean
  readonly faults?: boolean
  readonly kernel?: string
}

const FROM = 'a file, or a folder with a copy of sysfs; the running system when left out'

/** Adds the command and its two subcommands. @param finish - Takes the exit code. */
export function addTopo(program: Command, terminal: Terminal, finish: (code: number) => void): void {
  const topo = program
    .command('topo')
    .summary('show a machine: tree, slots, drivers, IOMMU groups, resets')
    .description('Shows what is plugged in where, from the running system, a dump, a snapshot or YAML.')
    .option('--from <path>', FROM)
    .option('--format <name>', 'format of the file, instead of recognising it')
    .option('--tree', 'the tree alone, as lspci -t prints it')
    .option('--lspci', 'one line a function, as lspci -nn prints it')
    .option('--yaml', 'a topology/1 file')
    .option('--json', 'everything, as JSON')
    .option('--groups', 'IOMMU groups, with what joins their members')
    .option('--faults', 'what is wrong with the data')
    .option('--kernel <version>', 'whose rules for resets, 5.10 to 7.2; the newest when left out')
    .action(async (flags: TopoFlags) => finish(await show(flags, terminal)))
  topo
    .command('diff')
    .summary('what differs between two machines, or two moments of one')
    .argument('<a>', 'a file or folder')
    .argument('<b>', 'a file or folder')
    .option('--json', 'the difference as JSON')
    .action(async (a: string, b: string, flags: { json?: boolean }) =>
      finish(await (await import('./topo-diff.ts')).showDifference(a, b, flags, terminal)),
    )
  topo
    .command('what-if')
    .summary('change a machine and see what follows')
    .description(
      'Applies edits to a machine and prints what differs: "remove BDF", "move BDF to BDF", "vfs BDF=4",\n' +
        '"acs BDF=+SV+RR+CR+UF", "driver BDF=vfio-pci".',
    )
    .argument('<file>', 'a file or folder')
    .argument('<edit...>', 'what to change, in order')
    .option('--json', 'the difference as JSON')
    .option('--yaml', 'the changed machine as a topology/1 file')
    .action(async (file: string, edits: readonly string[], flags: { json?: boolean; yaml?: boolean }) =>
      finish(await (await import('./topo-diff.ts')).showWhatIf(file, edits, flags, terminal)),
    )
}

async function show(flags: TopoFlags, terminal: Terminal): Promise<number> {
  const { from, json, yaml, tree } = flags
  if (tree === true && json !== true && yaml !== true && isSysfs(from))
    return (await import('./topo-tree.ts')).showTree(from, terminal)
  return (await import('./topo-view.ts')).showTopology(flags, terminal)
}
