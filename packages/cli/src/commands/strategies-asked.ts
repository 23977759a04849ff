/** The strategies of a command: by name, from a file, or all of them. */
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { AnyLockingStrategy } from '@vfiokit/explorer'
import type { Host } from '@vfiokit/host'
import { ConfigError, findStrategy, type Scenario, shippedStrategies } from '@vfiokit/host/files'

/** How strategies are asked for; neither: those of the scenario, or of its host. */
export interface StrategyFlags {
  readonly strategy?: readonly string[]
  readonly all?: boolean
}

/** @throws ConfigError for a name that nobody has, and for a file that exports no strategy. */
export async function strategiesOf(
  { document, host }: Scenario,
  { strategy, all }: StrategyFlags,
): Promise<readonly AnyLockingStrategy[]> {
  const shipped = shippedStrategies()
  const named = strategy ?? (all === true ? [] : (document.strategies ?? []))
  const found: AnyLockingStrategy[] = all === true ? [...shipped] : []
  let offered = shipped
  for (const name of named) {
    if (isFile(name)) found.push(await fromFile(name))
    else {
      // Only a plugin can have it: that takes a whole host.
      if (findStrategy(name, offered) === undefined) offered = (await wholeHost(host)).strategies
      found.push(byName(name, offered))
    }
  }
  return found.length > 0 ? found : [(await wholeHost(host)).strategy]
}

/** Loading all that a host is made of takes most of a second: only for who needs it. */
async function wholeHost(config: Scenario['host']): Promise<Host> {
  const { createHost } = await import('@vfiokit/host')
  return createHost(config)
}

function isFile(name: string): boolean {
  return /[\\/]|\.[cm]?[jt]s$/.test(name)
}

function byName(name: string, offered: readonly AnyLockingStrategy[]): AnyLockingStrategy {
  const strategy = findStrategy(name, offered)
  if (strategy !== undefined) return strategy
  const expected = `${offered.map((each) => each.name).join(', ')}, or a file`
  throw refused('strategy-unknown', 'there is no such strategy', expected, name)
}

async function fromFile(path: string): Promise<AnyLockingStrategy> {
  let exports: Record<string, unknown>
  try {
    exports = await load(resolve(path))
  } catch (error) {
    const found = (error as Error).message.split('\n').slice(0, 2).join(' ').replaceAll(/\s+/g, ' ')
    throw refused('strategy-file', `${path} cannot be loaded`, 'a module', found)
  }
  const strategies = [...new Set(Object.values(exports).filter(isStrategy))]
  const [only] = strategies
  if (strategies.length === 1) return only!
  throw refused('strategy-file', `${path} has to export one strategy`, 'one', `${strategies.length}`)
}

/** Node before 22.18 runs no TypeScript. What the file imports of ours is loaded already, so nothing is read twice. */
async function load(path: string): Promise<Record<string, unknown>> {
  try {
    return await import(pathToFileURL(path).href)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error
    const { createJiti } = await import('jiti')
    return createJiti(import.meta.url, { fsCache: false, tryNative: true }).import(path)
  }
}

function isStrategy(value: unknown): value is AnyLockingStrategy {
  if (typeof value !== 'object' || value === null) return false
  const candidate = value as Record<string, unknown>
  const verbs = ['deviceState', 'setState', 'readSide', 'exclude', 'excludeSet', 'lifecycle']
  return typeof candidate.name === 'string' && verbs.every((verb) => typeof candidate[verb] === 'function')
}

function refused(code: string, message: string, expected: string, found: string): ConfigError {
  return new ConfigError([{ severity: 'error', code, message, expected, found }])
}
