/** A device of a model: its cells, what the strategy keeps for it, and its mappings. */
import {
  type AnyLockingStrategy,
  type DeviceCells,
  deviceCells,
  type GuardedSet,
  markFaultLocks,
  type PageRange,
  type ProtocolDevice,
  type StateFactory,
} from '@vfiokit/locking'
import type { ExploredMapping, ExploredSpace } from './explored-mapping.ts'

/** Pages that the BAR of a device takes in an address space. Mappings of other memory lie behind. */
export const BAR_PAGES: number = 1 << 16

/** A device that consists of its cells. */
export class ExploredDevice implements ProtocolDevice {
  readonly cells: DeviceCells
  readonly zapRanges: readonly PageRange[]
  readonly mappings: ExploredMapping[] = []
  // biome-ignore lint/suspicious/noExplicitAny: the business of the strategy
  readonly state: any

  /** @param firstPage - Where its BAR begins in its address space. */
  constructor(
    readonly id: string,
    // biome-ignore lint/suspicious/noExplicitAny: likewise
    readonly set: GuardedSet<any>,
    readonly addressSpace: ExploredSpace,
    readonly firstPage: number,
    strategy: AnyLockingStrategy,
    make: StateFactory,
  ) {
    this.zapRanges = [{ first: firstPage, last: firstPage + BAR_PAGES - 1 }]
    this.cells = deviceCells(id, { ignoresMemoryBit: false, ignoresPower: false })
    this.state = strategy.deviceState(make, this)
    markFaultLocks(strategy.readSide(this))
  }

  get presentBarPages(): number {
    return this.mappings.reduce((sum, each) => sum + (each.followsMemory ? each.presentPages : 0), 0)
  }
}
