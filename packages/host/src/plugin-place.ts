/** Where the code of a plugin lies: Node's own search, but from the folder of a config. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { isAbsolute, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'

/** `@scope/name/inside` or `name/inside`. */
const PACKAGE = /^((?:@[^/]+\/)?[^/@.][^/]*)(?:\/(.+))?$/
/** Conditions of an `import`, in a package's `exports`. */
const CONDITIONS: ReadonlySet<string> = new Set(['node', 'import', 'module-sync', 'default'])

/** The file of a plugin that is given by path: what begins with `./`, `../` or `/`; undefined for a package. */
export function pluginFile(specifier: string, folder: string): string | undefined {
  return isAbsolute(specifier) || /^\.\.?\//.test(specifier) ? resolve(folder, specifier) : undefined
}

/** @returns what to import, or undefined when there is no such file or package. */
export function findPlugin(specifier: string, folder: string): string | undefined {
  const file = pluginFile(specifier, folder) ?? entryOfPackage(specifier, resolve(folder))
  return file !== undefined && existsSync(file) ? pathToFileURL(file).href : undefined
}

/** `require.resolve` would look in the same folders, but refuses a package that can only be imported. */
function entryOfPackage(specifier: string, folder: string): string | undefined {
  const [, name, inside] = PACKAGE.exec(specifier) ?? []
  if (name === undefined) return undefined
  const places = createRequire(join(folder, 'package.json')).resolve.paths(name) ?? []
  const root = places
    .map((place) => join(place, name))
    .find((place) => existsSync(join(place, 'package.json')))
  if (root === undefined) return undefined
  const entry = entryOf(manifestOf(root), inside === undefined ? '.' : `./${inside}`)
  return entry === undefined ? undefined : join(root, entry)
}

interface Manifest {
  readonly main?: string
  readonly exports?: unknown
}

/** A package that cannot be read has no entry, so it is not found. */
function manifestOf(root: string): Manifest {
  try {
    return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Manifest
  } catch {
    return { exports: null }
  }
}

function entryOf({ main = 'index.js', exports }: Manifest, inside: string): string | undefined {
  if (exports === undefined) return inside === '.' ? main : inside
  const bySubpath = isMap(exports) && Object.keys(exports).some((key) => key.startsWith('.'))
  if (bySubpath) return targetOf((exports as Readonly<Record<string, unknown>>)[inside])
  return inside === '.' ? targetOf(exports) : undefined
}

/** Conditions are asked in the order in which the package lists them. */
function targetOf(exports: unknown): string | undefined {
  if (typeof exports === 'string') return exports
  if (Array.isArray(exports)) return exports.map(targetOf).find((target) => target !== undefined)
  if (!isMap(exports)) return undefined
  for (const [condition, inner] of Object.entries(exports)) {
    const target = CONDITIONS.has(condition) ? targetOf(inner) : undefined
    if (target !== undefined) return target
  }
  return undefined
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
