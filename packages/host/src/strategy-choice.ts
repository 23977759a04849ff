/** Chooses the locking strategy of a host by name; names that plugins bring must be new. */
import type { AnyLockingStrategy } from '@vfiokit/locking'
import { STRATEGIES } from '@vfiokit/locking-strategies'
import { naive, zapBeforeLock } from '@vfiokit/locking-strategies/canaries'
import { VARIANTS } from '@vfiokit/locking-strategies/variants'
import type { Plugin } from '@vfiokit/plugin'
import { type Complain, type Complaint, ConfigError } from './config-error.ts'

/** Canaries, and strategies with a known bug; used only when somebody names one. */
const WRONG_ON_PURPOSE: readonly AnyLockingStrategy[] = [
  naive,
  zapBeforeLock,
  ...VARIANTS.map(({ strategy }) => strategy),
]

/** The strategies that a host offers without any plugin. */
export function shippedStrategies(): readonly AnyLockingStrategy[] {
  return STRATEGIES
}

/** Whether a strategy is one of those that are wrong on purpose. */
export function isCanary(name: string): boolean {
  return WRONG_ON_PURPOSE.some((strategy) => strategy.name === name)
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

/** A strategy by name, those that are wrong on purpose included. */
export function findStrategy(
  name: string,
  offered: readonly AnyLockingStrategy[],
): AnyLockingStrategy | undefined {
  return [...offered, ...WRONG_ON_PURPOSE].find((strategy) => strategy.name === name)
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
  const strategies = new Set([...taken.lockingStrategies, ...WRONG_ON_PURPOSE.map(({ name }) => name)])
  const formats = new Set(taken.topologyReaders)
  return plugins.flatMap(({ name: plugin, lockingStrategies = [], topologyReaders = [] }, at) => {
    const complaints = [
      ...lockingStrategies.flatMap(({ name }) =>
        takeName(strategies, name, `plugin ${plugin}: there is a strategy`),
      ),
      ...topologyReaders.flatMap(({ format }) =>
        takeName(formats, format, `plugin ${plugin}: there is a format`),
      ),
    ]
    return complaints.map((complaint) => ({ plugin: at, complaint }))
  })
}

function takeName(known: Set<string>, name: string, message: string): Complaint[] {
  if (!known.has(name)) {
    known.add(name)
    return []
  }
  const expected = 'a name of its own'
  return [{ code: 'name-taken', message: `${message} ${name} already`, expected, found: name }]
}
