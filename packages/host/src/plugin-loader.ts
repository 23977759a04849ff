/** Loads plugins by package name or path, and says clearly what is wrong with one. */
import { resolve } from 'node:path'
import type { Plugin } from '@vfiokit/plugin'
import { type Complain, type Complaint, ConfigError } from './config-error.ts'
import { checkPlugin } from './plugin-check.ts'
import { findPlugin } from './plugin-place.ts'

/** A plugin, or everything that is wrong with it. */
export type LoadedPlugin = { readonly plugin: Plugin } | { readonly complaints: readonly Complaint[] }

/**
 * Loads every plugin of a config.
 *
 * @param plugins - Package names, paths, or plugins themselves.
 * @param load - How those are loaded that are given by name or path.
 * @throws ConfigError with all defects of all plugins.
 */
export async function loadPlugins(
  plugins: readonly (string | Plugin)[],
  folder: string,
  complain: Complain,
  load: (specifier: string, folder: string, at: number) => Promise<LoadedPlugin> = loadPlugin,
): Promise<readonly Plugin[]> {
  const loaded = await Promise.all(
    plugins.map(async (plugin, at): Promise<LoadedPlugin> => {
      if (typeof plugin === 'string') return load(plugin, folder, at)
      return checkPlugin(plugin?.name ?? `${at}`, plugin)
    }),
  )
  const defects = loaded.flatMap((each, at) =>
    'complaints' in each ? each.complaints.map((complaint) => complain(['plugins', at], complaint)) : [],
  )
  if (defects.length > 0) throw new ConfigError(defects)
  return loaded.flatMap((each) => ('plugin' in each ? [each.plugin] : []))
}

/**
 * Imports a plugin.
 *
 * @param specifier - A package name, or a path that begins with `./`, `../` or `/`.
 * @param folder - What paths are relative to, and where packages are looked for.
 */
export async function loadPlugin(specifier: string, folder: string): Promise<LoadedPlugin> {
  const place = findPlugin(specifier, folder)
  let module: { readonly default?: unknown }
  try {
    // A package that is not installed there may lie beside this one.
    module = await import(place ?? specifier)
  } catch (cause) {
    const complaint = place === undefined ? notFound(specifier, folder) : throwsOnImport(specifier, cause)
    return { complaints: [complaint] }
  }
  return checkPlugin(specifier, module.default)
}

function notFound(specifier: string, folder: string): Complaint {
  const message = `plugin ${specifier} is not found`
  const expected = `a file, or a package that is installed for ${resolve(folder)}`
  return { code: 'plugin-not-found', message, expected }
}

function throwsOnImport(specifier: string, cause: unknown): Complaint {
  const found = cause instanceof Error ? `${cause.name}: ${cause.message.split('\n')[0]}` : String(cause)
  const message = `plugin ${specifier} cannot be loaded`
  return { code: 'plugin-not-loaded', message, expected: 'a module that loads', found }
}
