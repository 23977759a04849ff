/**
 * Where the pages of a device lie in its address space.
 *
 * A user sees offset = index << 40 | offset. With one address space per device that is also where the
 * pages lie. When a set shares one, strategies choose: overlapping offsets, or an ordinal per device
 *
 *     [follows the BARs?][ordinal][index][offset]        in pages: 1 + 10 + 6 + 28 bits
 *
 * so that all zappable pages of a set are contiguous and nothing else lies between them.
 */
import type { LockingStrategy } from '@vfiokit/locking'

/** Pages of one region index: 2^40 bytes. */
export const REGION_PAGES: number = 2 ** 28
/** Region indexes that the layout with ordinals has room for. */
const INDEXES_MAX = 2 ** 6
const ORDINALS_MAX = 2 ** 10

/** Places the pages of one device. */
export class AddressSpaceLayout {
  readonly #withOrdinals: boolean

  /**
   * @param ordinal - Number of the device in its set.
   * @throws RangeError when there are more devices than ordinals.
   */
  constructor(
    // biome-ignore lint/suspicious/noExplicitAny: only the name of the layout is read
    kind: LockingStrategy<any, any>['addressSpaces'],
    readonly ordinal: number,
  ) {
    this.#withOrdinals = kind === 'per-set-with-ordinals'
    if (this.#withOrdinals && ordinal >= ORDINALS_MAX)
      throw new RangeError(`a set shares one address space with at most ${ORDINALS_MAX} devices`)
  }

  /**
   * @param page - Page offset as the user gave it.
   * @param followsMemory - Whether what is mapped goes with the memory of the device.
   */
  place(page: number, followsMemory: boolean): number {
    if (!this.#withOrdinals) return page
    const perDevice = INDEXES_MAX * REGION_PAGES
    if (page >= perDevice) throw new RangeError(`no room for region index ${Math.floor(page / REGION_PAGES)}`)
    return (followsMemory ? 0 : ORDINALS_MAX * perDevice) + this.ordinal * perDevice + page
  }
}
