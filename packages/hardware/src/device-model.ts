/**
 * DeviceModel: who answers the BAR accesses of a function. The default, {@link StorageModel}, is plain memory; a
 * model with registers of its own is about as long as its register table.
 *
 * The hardware asks the model only for accesses that reach the device: decode, power and bounds are already
 * checked, and `out`/`data` has 1, 2, 4 or 8 bytes.
 */
import type { BarIndex, PciFunction } from '@vfiokit/topology'
import { BarMemory } from './bar-memory.ts'
import type { BarResource, MachineClock, PowerState } from './pci-hardware.ts'

/**
 * What happened to the function: `flr` (also by AF), `bus` (secondary bus or slot), `pm` (D3hot to D0 without
 * No_Soft_Reset), `pf-reset` (to a virtual function, when its physical function had an flr or bus reset).
 */
export type ResetEvent = 'flr' | 'bus' | 'pm' | 'pf-reset'

export interface DeviceModel {
  readBar(bar: BarIndex | 'rom', offset: number, out: Uint8Array): void
  writeBar(bar: BarIndex, offset: number, data: Uint8Array): void
  /**
   * Legacy VGA addresses, as on the bus. A model without this member has no VGA core and answers there with all ones.
   */
  readVga?(address: number, out: Uint8Array): void
  writeVga?(address: number, data: Uint8Array): void
  /** Called after the configuration registers have their values after the reset. */
  reset(event: ResetEvent): void
  /**
   * Whether the device answers again after that reset within the time that a host waits for it. Absent: always.
   * Kernel: `pci_dev_wait`.
   */
  recovers?(event: ResetEvent): boolean
}

/**
 * What a model may know of the function it is the inside of, and what it may do to the world outside.
 *
 * A reset takes the pin down and the MSI-X table back before the model hears of it. The table and the pending bits of
 * MSI-X lie in a BAR but are not the model's business: it never sees accesses to them.
 */
export interface ModelBoard {
  readonly identity: PciFunction
  readonly resources: readonly BarResource[]
  /** Bus master enable: whether the device may send DMA and messages now. */
  readonly busMaster: boolean
  readonly powerState: PowerState
  readonly clock: MachineClock
  /** Drives the interrupt pin. Messages, once enabled, replace it: a device with both asks for the latter first. */
  setIntx(level: boolean): void
  /** Vectors of MSI or MSI-X that are enabled now; 0: the device is to use its pin. */
  readonly messageVectors: number
  /**
   * Sends the message of a vector, by MSI-X if it is on, else MSI. A masked one is sent when it is unmasked; one that
   * is sent without bus mastering is lost.
   * @returns false when neither is on
   * @throws RangeError for a vector that is not below `messageVectors`
   */
  sendMessage(vector: number): boolean
  /** DMA from memory into `out`. False, and `out` not valid, without bus mastering or on an IOMMU fault. */
  readMemory(iova: bigint, out: Uint8Array): boolean
  /** DMA to memory. False, and nothing written, without bus mastering or on an IOMMU fault. */
  writeMemory(iova: bigint, data: Uint8Array): boolean
}

/** Chooses the model of a function; undefined leaves it to the next choice, in the end to {@link StorageModel}. */
export type DeviceModelFactory = (board: ModelBoard) => DeviceModel | undefined

const ROM_INDEX = 6

/** Every BAR is memory; reads of what was never written give zeros. */
export class StorageModel implements DeviceModel {
  /** BARs by index, the ROM last. */
  readonly #memories: readonly (BarMemory | undefined)[]
  readonly #survives: ReadonlySet<ResetEvent>

  /** @param survives events that leave the memory as it is; `pm` and `pf-reset` always do. */
  constructor(resources: readonly BarResource[], survives: readonly ResetEvent[] = []) {
    const memories: (BarMemory | undefined)[] = new Array(ROM_INDEX + 1).fill(undefined)
    for (const { bar, sizeBytes } of resources)
      memories[bar === 'rom' ? ROM_INDEX : bar] = new BarMemory(sizeBytes)
    this.#memories = memories
    this.#survives = new Set<ResetEvent>(['pm', 'pf-reset', ...survives])
  }

  /** The bytes behind a BAR, to fill or inspect from outside. @throws RangeError when there is no such BAR. */
  memory(bar: BarIndex | 'rom'): BarMemory {
    const memory = this.#memories[bar === 'rom' ? ROM_INDEX : bar]
    if (memory === undefined) throw new RangeError(`no BAR ${bar}`)
    return memory
  }

  readBar(bar: BarIndex | 'rom', offset: number, out: Uint8Array): void {
    this.memory(bar).read(offset, out)
  }

  writeBar(bar: BarIndex, offset: number, data: Uint8Array): void {
    this.memory(bar).write(offset, data)
  }

  /** The ROM is not memory that a reset could clear. */
  reset(event: ResetEvent): void {
    if (this.#survives.has(event)) return
    for (const memory of this.#memories.slice(0, ROM_INDEX)) memory?.clear()
  }
}
