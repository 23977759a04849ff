/** The plugins of a scenario's host, as a program that reloads them has them: those given by path are loaded anew. */
import { dirname } from 'node:path'
import { type LoadedPlugin, loadPlugin, loadPlugins, pluginFile, type Scenario } from '@vfiokit/host'
import { complainPlainly } from '@vfiokit/host/files'
import { freshPlugin } from './fresh-plugin.ts'

type Plugin = Extract<LoadedPlugin, { readonly plugin: unknown }>['plugin']

/** Folders of the plugins that are given by path. */
export function pluginFolders({ host }: Scenario): readonly string[] {
  const files = (host.plugins ?? []).flatMap(
    (plugin) => (typeof plugin === 'string' ? pluginFile(plugin, host.folder ?? '.') : undefined) ?? [],
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
export function watchedPlugins(
  { host }: Scenario,
  changed?: readonly string[],
  before: readonly Plugin[] = [],
): Promise<readonly Plugin[]> {
  const { plugins = [], folder = '.', complain = complainPlainly } = host
  return loadPlugins(plugins, folder, complain, async (specifier, from, at): Promise<LoadedPlugin> => {
    const old = before[at]
    const file = pluginFile(specifier, from)
    if (file === undefined) return old === undefined ? loadPlugin(specifier, from) : { plugin: old }
    const isSame = changed?.every((each) => dirname(each) !== dirname(file)) === true
    return old !== undefined && isSame ? { plugin: old } : freshPlugin(specifier, file)
  })
}
