/** Elements of a plugin that are opened for devices, whatever part they stand in. */
import { isHooks } from './hooks.ts'

/** What is asked whether it matches a function, and opened for it: a region provider, for one. */
export interface OpensDevices {
  readonly name: string
  matches(...given: unknown[]): unknown
  open(...given: unknown[]): unknown
}

/** Whether an element is one. */
function opensDevices(value: unknown): value is OpensDevices {
  if (!isHooks(value)) return false
  const { name, matches, open } = value as Partial<OpensDevices>
  return typeof name === 'string' && typeof matches === 'function' && typeof open === 'function'
}

/** The device that a call is about: the function that is given, or the one of the host. */
export function deviceAmong(given: readonly unknown[]): string | undefined {
  for (const each of given) {
    if (typeof each !== 'object' || each === null) continue
    const { bdf, function: fn } = each as { bdf?: unknown; function?: { bdf?: unknown } }
    const found = bdf ?? fn?.bdf
    if (typeof found === 'string') return found
  }
  return undefined
}

/** What is asked whether it matches a function: what is opened for devices, a vendor's reset, a capability. */
export interface MatchesDevices {
  readonly name: string
  matches(...given: unknown[]): unknown
}

function matchesDevices(value: unknown): value is MatchesDevices {
  if (!isHooks(value)) return false
  const { name, matches } = value as Partial<MatchesDevices>
  return typeof name === 'string' && typeof matches === 'function'
}

/** A plugin with other elements in place of those that have to do with devices. */
export function withMatchingParts<T extends object>(
  plugin: T,
  replace: (element: MatchesDevices, part: string, at: number) => unknown,
): T {
  return withParts(plugin, matchesDevices, replace)
}

/** A plugin with other elements in place of those that are opened for devices. */
export function withDeviceParts<T extends object>(
  plugin: T,
  replace: (element: OpensDevices, part: string, at: number) => unknown,
): T {
  return withParts(plugin, opensDevices, replace)
}

function withParts<T extends object, E>(
  plugin: T,
  isMeant: (element: unknown) => element is E,
  replace: (element: E, part: string, at: number) => unknown,
): T {
  const parts = Object.entries(plugin)
    .filter(([, part]) => Array.isArray(part) && part.some(isMeant))
    .map(([name, part]: [string, unknown[]]) => {
      return [name, part.map((each, at) => (isMeant(each) ? replace(each, name, at) : each))]
    })
  return { ...plugin, ...Object.fromEntries(parts) }
}
