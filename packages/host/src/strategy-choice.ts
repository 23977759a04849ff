/** Chooses the locking strategy of a host by name; names that plugins bring must be new. */
import type { AnyLockingStrategy } from '@vfiokit/locking'
import { naive, zapBeforeLock } from '@vfiokit/locking-strategies/canaries'
import type { Plugin } from '@vfiokit/plugin'
import { type Complain, type Complaint, ConfigError } from './config-error.ts'

/** Wrong on purpose; used only when somebody names one. */
const CANARIES: readonly AnyLockingStrategy[] = [naive, zapBeforeLock]

/** Whether a strategy is one of those that are wrong on purpose. */
export function isCanary(name: string): boolean {
  return CANARIES.some((canary) => canary.name === name)
}

/**
 * @param wanted - A name, or a strategy, which is taken as it is.
 * @throws ConfigError for a name that nobody has, listing those offered.
 */
export function chooseStrategy(
  wanted: string | AnyLockingStrategy,
  offered: readonly AnyLockingStrategy[],
  complain: Complain,
): AnyLockingStrategy {
  if (typeof wanted !== 'string') return wanted
  const found = findStrategy(wanted, offered)
  if (found === undefined) throw new ConfigError([complain(['strategy'], unknownStrategy(wanted, offered))])
  return found
}

/** A strategy by name, canaries included. */
export function findStrategy(
  name: string,
  offered: readonly AnyLockingStrategy[],
): AnyLockingStrategy | undefined {
  return [...offered, ...CANARIES].find((strategy) => strategy.name === name)
}

/** What to say when there is none. */
export function unknownStrategy(found: string, offered: readonly AnyLockingStrategy[]): Complaint {
  const expected = offered.map(({ name }) => name).join(', ')
  return { code: 'strategy-unknown', message: 'there is no such strategy', expected, found }
}

/** Names that are in use before any plugin is bound. */
export interface NamesTaken {
  readonly lockingStrategies: readonly string[]
  readonly topologyReaders: readonly string[]
}

/** Strategies and readers are chosen by name, so a name that comes twice could mean either. */
export function repeatedNames(
  plugins: readonly Plugin[],
  taken: NamesTaken,
): { readonly plugin: number; readonly complaint: Complaint }[] {
  const strategies = new Set([...taken.lockingStrategies, ...CANARIES.map(({ name }) => name)])
  const formats = new Set(taken.topologyReaders)
  return plugins.flatMap((plugin, at) =>
    [
      ...(plugin.lockingStrategies ?? []).flatMap(({ name }) => repeated(strategies, 'strategy', name)),
      ...(plugin.topologyReaders ?? []).flatMap(({ format }) => repeated(formats, 'format', format)),
    ].map((what) => ({ plugin: at, complaint: nameTaken(plugin.name, what) })),
  )
}

function repeated(known: Set<string>, what: string, name: string): string[] {
  if (known.has(name)) return [`${what} ${name}`]
  known.add(name)
  return []
}

function nameTaken(plugin: string, found: string): Complaint {
  const message = `plugin ${plugin}: another ${found} is there already`
  return { code: 'name-taken', message, expected: 'a name of its own', found }
}
