/** Checks what a module exports by default: that it is a plugin, for this host, with everything it needs. */
import { isPlugin, PLUGIN_API } from '@vfiokit/plugin'
import type { Complaint } from './config-error.ts'
import type { LoadedPlugin } from './plugin-loader.ts'

type Kind = 'text' | 'a number' | 'a function'

/** Parts of a plugin, and what each of their elements must have. */
const PARTS: Readonly<Record<string, Readonly<Record<string, Kind>>>> = {
  regionProviders: { name: 'text', matches: 'a function', open: 'a function' },
  variantDrivers: { name: 'text', matches: 'a function', open: 'a function' },
  resetMethods: { name: 'text', matches: 'a function', reset: 'a function' },
  capabilityHandlers: { name: 'text', matches: 'a function', id: 'a number', lengthBytes: 'a number' },
  lockingStrategies: {
    name: 'text',
    addressSpaces: 'text',
    populate: 'text',
    deviceState: 'a function',
    setState: 'a function',
    readSide: 'a function',
    exclude: 'a function',
    excludeSet: 'a function',
    lifecycle: 'a function',
  },
  topologyReaders: { format: 'text', recognises: 'a function', read: 'a function' },
}

const KNOWN: ReadonlySet<string> = new Set(['kind', 'name', 'api', ...Object.keys(PARTS)])

/** @param specifier - How messages call the plugin. */
export function checkPlugin(specifier: string, value: unknown): LoadedPlugin {
  const wrong = (code: string, what: string, expected: string, found: unknown): Complaint => ({
    code,
    message: `plugin ${specifier}: ${what}`,
    expected,
    found: describe(found),
  })
  if (!isPlugin(value))
    return { complaints: [wrong('not-a-plugin', 'default export', 'what definePlugin answers', value)] }
  if (value.api !== PLUGIN_API)
    return { complaints: [wrong('plugin-api', 'api', `${PLUGIN_API}`, value.api)] }
  const complaints = [
    ...(typeof value.name === 'string' ? [] : [wrong('plugin-member', 'name', 'text', value.name)]),
    ...Object.keys(value)
      .filter((key) => !KNOWN.has(key))
      .map((key) => wrong('plugin-member', `unknown member ${key}`, [...KNOWN].join(', '), key)),
    ...Object.keys(PARTS).flatMap((part) =>
      defectsOf(part, value[part as keyof typeof value]).map(({ what, expected, found }) =>
        wrong('plugin-member', what, expected, found),
      ),
    ),
  ]
  return complaints.length === 0 ? { plugin: value } : { complaints }
}

interface Defect {
  readonly what: string
  readonly expected: string
  readonly found: unknown
}

function defectsOf(part: string, elements: unknown): Defect[] {
  if (elements === undefined) return []
  if (!Array.isArray(elements)) return [{ what: part, expected: 'a list', found: elements }]
  return elements.flatMap((element: unknown, at) => {
    if (typeof element !== 'object' || element === null)
      return [{ what: `${part}[${at}]`, expected: 'an object', found: element }]
    return Object.entries(PARTS[part]!).flatMap(([member, expected]) => {
      const found = (element as Readonly<Record<string, unknown>>)[member]
      return kindOf(found) === expected ? [] : [{ what: `${part}[${at}].${member}`, expected, found }]
    })
  })
}

function kindOf(value: unknown): Kind | undefined {
  if (typeof value === 'string') return 'text'
  if (typeof value === 'number') return 'a number'
  return typeof value === 'function' ? 'a function' : undefined
}

function describe(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'function') return 'a function'
  return typeof value === 'object' ? 'an object' : `${typeof value} ${String(value)}`
}
