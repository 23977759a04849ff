/**
 * The invariants I1-I8 that every strategy must keep, as predicates over a state or over one step.
 *
 * Each answers undefined when it holds, or a sentence that says what is wrong. They look at cells,
 * pages and held locks only, so the engine, a scheduler and an explorer ask the same question.
 */
import type { MappingHandle, PageRange } from '../handles.ts'
import type { LockUse } from '../lock.ts'
import type { AnyLockingStrategy } from '../strategy.ts'
import { excludesReaders, insideReadSide, type ProtocolDevice } from './protocol-device.ts'

/** What each invariant says. */
export const INVARIANTS = {
  I1: 'no page of BAR0-5 is mapped while memory is off, a reset runs, power is D3hot or low power is engaged',
  I2: 'the kernel touches BAR memory only inside the read side and while it may be touched',
  I3: 'memory enable and power change only with every reader excluded',
  I4: 'a mapping with pages is found by the zap path from its first page on',
  I5: 'a touch of a live mapping succeeds again once memory is on, and shows the same place',
  I6: 'a hot reset is issued only with every member excluded and emptied',
  I7: 'no path ends with a lock that it took, and each lock is released once',
  I8: 'a zap leaves nothing of its ranges behind',
} as const

/** Name of an invariant. */
export type InvariantId = keyof typeof INVARIANTS

/** I1, of one device in one state. */
export function unreachableWhileOff(device: ProtocolDevice): string | undefined {
  const { inReset, mappable } = device.cells
  if (device.presentBarPages === 0 || (mappable.peek() && !inReset.peek())) return undefined
  return `${device.presentBarPages} page(s) of ${device.id} are mapped while ${whyUnreachable(device)}`
}

function whyUnreachable({ cells }: ProtocolDevice): string {
  if (cells.inReset.peek()) return 'a reset runs'
  if (cells.accessible.peek()) return 'it is in low power'
  return cells.memoryEnabled.peek() ? `power is ${cells.power.peek()}` : 'memory is off'
}

/** I2, of one touch of BAR memory. */
export function touchedInsideReadSide(
  strategy: AnyLockingStrategy,
  device: ProtocolDevice,
  held: Iterable<LockUse>,
): string | undefined {
  const locks = [...held]
  if (excludesReaders(strategy, device, locks)) return undefined
  if (!insideReadSide(strategy, device, locks)) return `${device.id} is touched outside the read side`
  if (device.cells.inReset.peek()) return `${device.id} is touched while a reset runs`
  return device.cells.accessible.peek() ? undefined : `${device.id} is touched while memory is off`
}

/** I3, of one change of memory enable or power. */
export function changedExclusively(
  strategy: AnyLockingStrategy,
  device: ProtocolDevice,
  held: Iterable<LockUse>,
): string | undefined {
  return excludesReaders(strategy, device, held) ? undefined : `${device.id} changes while readers may run`
}

/** I4, of one mapping that just got pages. */
export function discoverable(
  strategy: AnyLockingStrategy,
  device: ProtocolDevice,
  mapping: MappingHandle,
): string | undefined {
  if (!mapping.followsMemory) return undefined
  const found = strategy.tracks?.(device, mapping) ?? mapping.isLinked
  return found ? undefined : `${mapping.id} has pages that no zap would find`
}

/** I5, of a page that was just touched. */
export function showsSamePlace(mapping: MappingHandle, page: number): string | undefined {
  return mapping.showsExpectedFrame(page)
    ? undefined
    : `page ${page} of ${mapping.id} shows another place than its offset`
}

/** I6, at the moment a slot or bus is reset. */
export function hitsAllOrNone(
  strategy: AnyLockingStrategy,
  devices: readonly ProtocolDevice[],
  held: Iterable<LockUse>,
): string | undefined {
  const locks = [...held]
  for (const device of devices) {
    if (!excludesReaders(strategy, device, locks)) return `${device.id} is reset while readers may run`
    if (device.presentBarPages > 0)
      return `${device.id} is reset with ${device.presentBarPages} page(s) mapped`
  }
  return undefined
}

/** I8, right after a zap of ranges. */
export function leavesNothing(
  space: { readonly id: string; presentPages(range: PageRange): number },
  ranges: readonly PageRange[],
): string | undefined {
  for (const range of ranges) {
    const left = space.presentPages(range)
    if (left > 0) return `${left} page(s) of ${space.id} survived the zap of ${range.first}..${range.last}`
  }
  return undefined
}
