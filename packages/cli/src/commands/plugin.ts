/**
 * `vfiokit plugin new NAME`: a plugin package to begin with. Declares the command; the writer is loaded when
 * it runs.
 */
import { type Command, Option } from 'commander'
import type { Terminal } from '../terminal.ts'

/** What a plugin brings: each has a template. */
export const PLUGIN_KINDS = ['region', 'variant', 'strategy', 'reader'] as const
/** One of them. */
export type PluginKind = (typeof PLUGIN_KINDS)[number]

/** Options of `plugin new`. */
export interface NewPluginFlags {
  readonly kind: PluginKind
  readonly json?: boolean
}

/** Adds the command. @param finish - Takes the exit code. */
export function addPlugin(program: Command, terminal: Terminal, finish: (code: number) => void): void {
  const plugin = program.command('plugin').summary('begin a plugin').description('Works on plugin packages.')
  plugin
    .command('new')
    .summary('write a package that passes its tests')
    .description(
      'Writes a plugin package into a new folder: sources, tests, a machine and a scenario to try it on.',
    )
    .argument('<name>', 'name of the package; the folder is called like it, without its scope')
    .addOption(new Option('--kind <kind>', 'what it brings').choices([...PLUGIN_KINDS]).default('region'))
    .option('--json', 'print what was written as JSON')
    .action(async (name: string, flags: NewPluginFlags) =>
      finish((await import('./new-plugin.ts')).writeNewPlugin(name, flags, terminal)),
    )
}
