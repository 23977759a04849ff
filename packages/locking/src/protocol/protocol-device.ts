/** A device as the protocol works on it, and what it asks of locks held. */
import type { LockUse } from '../lock.ts'
import type { AnyGuardedDevice, AnyLockingStrategy } from '../strategy.ts'
import type { DeviceCells } from './device-cells.ts'
import type { ExportedMemory } from './exported-memory.ts'

/** A device under a strategy, with its cells. */
export interface ProtocolDevice extends AnyGuardedDevice {
  readonly cells: DeviceCells
  /** Pages of mappings that follow the memory of the device and are present now. */
  readonly presentBarPages: number
  /** What other devices were given of its memory; undefined while nothing is exported. */
  readonly exported?: ExportedMemory | undefined
}

/** Whether somebody who holds `held` keeps every reader of the device out. */
export function excludesReaders(
  strategy: AnyLockingStrategy,
  device: ProtocolDevice,
  held: Iterable<LockUse>,
): boolean {
  const side = strategy.readSide(device)
  for (const { lock, mode } of held)
    if (mode === 'write' && side.some((use) => use.lock === lock)) return true
  return false
}

/** Whether somebody who holds `held` is inside the read side of the device. */
export function insideReadSide(
  strategy: AnyLockingStrategy,
  device: ProtocolDevice,
  held: Iterable<LockUse>,
): boolean {
  const locks = [...held]
  return strategy
    .readSide(device)
    .every((use) =>
      locks.some(({ lock, mode }) => lock === use.lock && (mode === use.mode || mode === 'write')),
    )
}
