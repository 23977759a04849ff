/** Loads plugins by package name or path, and says clearly what is wrong with one. */
import { createRequire } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { isPlugin, PLUGIN_API, type Plugin } from '@vfiokit/plugin'
import type { Complaint } from './input-file.ts'

/** A plugin, or why there is none. */
export type LoadedPlugin = { readonly plugin: Plugin } | { readonly complaint: Complaint }

/** Parts of a plugin and what each of their elements must have. */
const PARTS = {
  regionProviders: ['name', 'matches', 'open'],
  lockingStrategies: ['name', 'exclude', 'excludeSet', 'lifecycle'],
  topologyReaders: ['format', 'recognises', 'read'],
} as const

/**
 * Imports a plugin.
 *
 * @param specifier - A package name, or a path that begins with `./`, `../` or `/`.
 * @param folder - What paths are relative to, and where packages are looked for.
 */
export async function loadPlugin(specifier: string, folder: string): Promise<LoadedPlugin> {
  let module: { readonly default?: unknown }
  try {
    module = await import(locate(specifier, folder))
  } catch (cause) {
    const found = cause instanceof Error ? cause.message.split('\n')[0]! : String(cause)
    const message = `plugin ${specifier} cannot be loaded`
    return { complaint: { code: 'plugin-not-loaded', message, expected: 'a package or a file', found } }
  }
  return checkPlugin(specifier, module.default)
}

/** Checks what a module exports by default. */
export function checkPlugin(specifier: string, value: unknown): LoadedPlugin {
  const wrong = (code: string, what: string, expected: string, found: string): LoadedPlugin => ({
    complaint: { code, message: `plugin ${specifier}: ${what}`, expected, found },
  })
  if (!isPlugin(value))
    return wrong('not-a-plugin', 'default export', 'what definePlugin answers', describe(value))
  if (value.api !== PLUGIN_API) return wrong('plugin-api', 'api', `${PLUGIN_API}`, describe(value.api))
  for (const [part, members] of Object.entries(PARTS)) {
    const elements: unknown = value[part as keyof typeof PARTS] ?? []
    if (!Array.isArray(elements)) return wrong('plugin-member', part, 'a list', describe(elements))
    for (const [at, element] of elements.entries())
      for (const member of members)
        if ((element as Record<string, unknown> | null)?.[member] === undefined)
          return wrong('plugin-member', `${part}[${at}].${member}`, 'a member', 'nothing')
  }
  return { plugin: value }
}

function locate(specifier: string, folder: string): string {
  if (isAbsolute(specifier) || /^\.\.?\//.test(specifier))
    return pathToFileURL(resolve(folder, specifier)).href
  try {
    return pathToFileURL(createRequire(join(resolve(folder), 'package.json')).resolve(specifier)).href
  } catch {
    // A package that can only be imported, or one that lies beside this one: let the import say so.
    return specifier
  }
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  return typeof value === 'object'
    ? value === null
      ? 'null'
      : 'an object'
    : `${typeof value} ${String(value)}`
}
