/** Writes a plugin package from its template. */
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ConfigError } from '@vfiokit/host/files'
import validate from 'validate-npm-package-name'
import type { Terminal } from '../terminal.ts'
import { ownVersion } from '../version.ts'
import type { NewPluginFlags, PluginKind } from './plugin.ts'

/** Sources and what is built from them lie two folders and one below the package. */
const PACKAGE = existsSync(new URL('../data', import.meta.url)) ? '..' : '../..'
const TEMPLATES = fileURLToPath(new URL(`${PACKAGE}/data/plugin-templates`, import.meta.url))
/** npm leaves files out whose names begin with a dot, so templates begin with this instead. */
const DOT = /^_/
/** A `package.json` inside of a package would be taken for one of its own. */
const MANIFEST = /^manifest(?=\.json$)/

/** @returns 0. @throws ConfigError for a name that is none, and for a folder that has something in it. */
export function writeNewPlugin(name: string, { kind, json }: NewPluginFlags, { out }: Terminal): number {
  refuseBadName(name)
  const folder = name.replace(/^@.*\//, '')
  refuseUsedFolder(folder)
  const words = { name, identifier: exportOf(folder, kind), range: `^${ownVersion()}` }
  const written = [...filesOf('every'), ...filesOf(kind)].map(({ path, text }) => {
    const file = join(folder, path)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, filledIn(text, words))
    return file
  })
  const next = `cd ${folder} && npm install && npm test && npm start`
  out.write(
    json === true
      ? `${JSON.stringify({ name, kind, folder, files: written.sort(), next }, undefined, 2)}\n`
      : `${written.sort().join('\n')}\n\n${next}\n`,
  )
  return 0
}

interface TemplateFile {
  /** As it is written. */
  readonly path: string
  readonly text: string
}

function filesOf(template: string): TemplateFile[] {
  const root = join(TEMPLATES, template)
  const below = (folder: string): string[] =>
    readdirSync(join(root, folder)).flatMap((entry) => {
      const path = join(folder, entry)
      return statSync(join(root, path)).isDirectory() ? below(path) : [path]
    })
  return below('').map((path) => {
    const dotted = path.split(/[\\/]/).map((part) => part.replace(DOT, '.').replace(MANIFEST, 'package'))
    return { path: join(...dotted), text: readFileSync(join(root, path), 'utf8') }
  })
}

/** Templates are packages of a plugin called `plugin-name`. */
function filledIn(
  text: string,
  { name, identifier, range }: { readonly name: string; readonly identifier: string; readonly range: string },
): string {
  return text
    .replaceAll('0.0.0-vfiokit', range)
    .replaceAll('plugin-name', name)
    .replaceAll('pluginName', identifier)
}

/** What the export ends with, so that it is no word of the language and none of the template. */
const WORDS: Readonly<Record<PluginKind, string>> = {
  region: 'Regions',
  variant: 'Variant',
  strategy: 'Strategy',
  reader: 'Reader',
}

/** `table-reader` is `tableReader`, `card` is `cardRegions`. */
function exportOf(folder: string, kind: PluginKind): string {
  const identifier = identifierOf(folder)
  return identifier.endsWith(WORDS[kind]) ? identifier : `${identifier}${WORDS[kind]}`
}

/** `acme-card` is `acmeCard`; what begins with a digit gets a word in front. */
function identifierOf(name: string): string {
  const [first = '', ...others] = name.split(/[^A-Za-z0-9]+/).filter((word) => word !== '')
  const joined = first + others.map((word) => word[0]!.toUpperCase() + word.slice(1)).join('')
  return /^\d/.test(joined) ? `plugin${joined}` : joined
}

function refuseBadName(name: string): void {
  const { validForNewPackages, errors = [], warnings = [] } = validate(name)
  if (validForNewPackages && identifierOf(name.replace(/^@.*\//, '')) !== '') return
  const [why = 'it has no letter and no digit'] = [...errors, ...warnings]
  throw refused(
    'plugin-name',
    `${name} is no name of a package: ${why}`,
    'a name such as acme-card or @acme/card',
  )
}

function refuseUsedFolder(folder: string): void {
  if (!existsSync(folder)) return
  const isEmpty = statSync(folder).isDirectory() && readdirSync(folder).length === 0
  if (!isEmpty) throw refused('folder-used', `${folder} is there already`, 'a folder that is new or empty')
}

function refused(code: string, message: string, expected: string): ConfigError {
  return new ConfigError([{ severity: 'error', code, message, expected }])
}
