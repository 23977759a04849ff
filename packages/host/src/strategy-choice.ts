/** Chooses the locking strategy of a host by name. */
import type { AnyLockingStrategy } from '@vfiokit/locking'
import { naive, zapBeforeLock } from '@vfiokit/locking-strategies/canaries'
import type { Complaint } from './input-file.ts'

/** Wrong on purpose; used only when somebody names one. */
const CANARIES: readonly AnyLockingStrategy[] = [naive, zapBeforeLock]

/** Whether a strategy is one of those that are wrong on purpose. */
export function isCanary(name: string): boolean {
  return CANARIES.some((canary) => canary.name === name)
}

/** @returns the strategy, or what to complain about. */
export function chooseStrategy(
  name: string,
  offered: readonly AnyLockingStrategy[],
): AnyLockingStrategy | Complaint {
  const found = [...offered, ...CANARIES].filter((strategy) => strategy.name === name)
  if (found.length === 1) return found[0]!
  const expected = offered.map((strategy) => strategy.name).join(', ')
  const message = found.length === 0 ? 'there is no such strategy' : 'several strategies have this name'
  return { code: 'strategy-unknown', message, expected, found: name }
}
