/** A device of a simulated machine: its cells, what the strategy keeps for it, and its mappings. */
import {
  type AnyLockingStrategy,
  type DeviceCells,
  deviceCells,
  type GuardedSet,
  type PageRange,
  type ProtocolDevice,
  type StateFactory,
} from '@vfiokit/locking'
import { BAR_PAGES, type ContendedMapping, type ContendedSpace } from './contended-mapping.ts'

/** A device that consists of its cells. */
export class ContendedDevice implements ProtocolDevice {
  readonly cells: DeviceCells
  readonly zapRanges: readonly PageRange[]
  readonly mappings: ContendedMapping[] = []
  // biome-ignore lint/suspicious/noExplicitAny: the business of the strategy
  readonly state: any

  /** @param firstPage - Where its BAR begins in its address space. */
  constructor(
    readonly id: string,
    // biome-ignore lint/suspicious/noExplicitAny: likewise
    readonly set: GuardedSet<any>,
    readonly addressSpace: ContendedSpace,
    readonly firstPage: number,
    strategy: AnyLockingStrategy,
    make: StateFactory,
  ) {
    this.zapRanges = [{ first: firstPage, last: firstPage + BAR_PAGES - 1 }]
    this.cells = deviceCells(id, { ignoresMemoryBit: false, ignoresPower: false })
    this.state = strategy.deviceState(make, this)
  }

  /** Whether a page of the address space is one of its BAR. */
  ownsPage(page: number): boolean {
    return page >= this.firstPage && page < this.firstPage + BAR_PAGES
  }

  get presentBarPages(): number {
    return this.mappings.reduce((sum, each) => sum + (each.followsMemory ? each.presentPages : 0), 0)
  }
}
