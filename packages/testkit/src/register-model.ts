/** A device whose BARs are memory, and some of it registers: they have their value again after a reset. */
import { type BarResource, type DeviceModel, type ResetEvent, StorageModel } from '@vfiokit/hardware'
import type { BarIndex } from '@vfiokit/topology'
import type { RegionFixture } from './region-fixture.ts'

/** Who answers for the BARs of a card under test. */
export class RegisterModel implements DeviceModel {
  /** How often its BARs were accessed. */
  accesses = 0
  readonly #storage: StorageModel

  constructor(
    resources: readonly BarResource[],
    readonly registers: NonNullable<RegionFixture['bars']>,
  ) {
    this.#storage = new StorageModel(resources)
    this.#setRegisters()
  }

  readBar(bar: BarIndex | 'rom', offset: number, out: Uint8Array): void {
    this.accesses++
    this.#storage.readBar(bar, offset, out)
  }

  writeBar(bar: BarIndex, offset: number, data: Uint8Array): void {
    this.accesses++
    this.#storage.writeBar(bar, offset, data)
  }

  reset(event: ResetEvent): void {
    this.#storage.reset(event)
    this.#setRegisters()
  }

  #setRegisters(): void {
    for (const [bar, values] of Object.entries(this.registers))
      for (const [offset, bytes] of Object.entries(values))
        this.#storage.memory(Number(bar) as BarIndex).write(Number(offset), Uint8Array.from(bytes))
  }
}
