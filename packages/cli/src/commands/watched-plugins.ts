/** The plugins of a scenario's host, as a program that reloads them has them: those given by path are loaded anew. */
import { dirname, isAbsolute, resolve } from 'node:path'
import { type LoadedPlugin, loadPlugin, type Scenario } from '@vfiokit/host'
import { ConfigError, complainPlainly } from '@vfiokit/host/files'
import { freshPlugin } from './fresh-plugin.ts'

type Plugin = Extract<LoadedPlugin, { readonly plugin: unknown }>['plugin']

/** Folders of the plugins that are given by path. */
export function pluginFolders({ host }: Scenario): readonly string[] {
  const files = (host.plugins ?? []).flatMap((plugin) =>
    typeof plugin === 'string' && isPath(plugin) ? [fileOf(plugin, host.folder)] : [],
  )
  return [...new Set(files.map((file) => dirname(file)))]
}

/**
 * Loads all plugins.
 *
 * @param changed - Files that are different; absent: everything is loaded.
 * @param before - What was loaded last; of folders in which nothing has changed it is used again.
 * @throws ConfigError with all defects of all plugins.
 */
export async function loadPlugins(
  { host }: Scenario,
  changed?: readonly string[],
  before: readonly Plugin[] = [],
): Promise<readonly Plugin[]> {
  const loaded = await Promise.all(
    (host.plugins ?? []).map(async (plugin, at): Promise<LoadedPlugin> => {
      if (typeof plugin !== 'string') return { plugin }
      const old = before[at]
      if (!isPath(plugin)) return old === undefined ? loadPlugin(plugin, host.folder ?? '.') : { plugin: old }
      const file = fileOf(plugin, host.folder)
      const isSame = changed?.every((each) => dirname(each) !== dirname(file)) === true
      return old !== undefined && isSame ? { plugin: old } : freshPlugin(plugin, file)
    }),
  )
  const { complain = complainPlainly } = host
  const defects = loaded.flatMap((each, at) =>
    'complaints' in each ? each.complaints.map((complaint) => complain(['plugins', at], complaint)) : [],
  )
  if (defects.length > 0) throw new ConfigError(defects)
  return loaded.flatMap((each) => ('plugin' in each ? [each.plugin] : []))
}

function isPath(specifier: string): boolean {
  return isAbsolute(specifier) || /^\.\.?\//.test(specifier)
}

function fileOf(specifier: string, folder = '.'): string {
  return resolve(folder, specifier)
}
