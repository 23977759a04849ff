/**
 * DMA of devices: where a read or write of a device ends up. It goes through the IOMMU of the group that
 * the device is in, whoever drives it.
 */
import type { Group } from '../group.ts'
import type { Frame } from '../mm/frame.ts'
import { PAGE_SIZE_BYTES } from '../mm/page.ts'
import type { DmaPermission } from './pinned-memory.ts'

const PAGE_BYTES = BigInt(PAGE_SIZE_BYTES)

/** What a device sees of memory: a container, or an I/O address space of iommufd. */
export interface DmaDomain {
  /** The page that a device reaches, or undefined: then the IOMMU blocks it. */
  frameAt(page: number, need: keyof DmaPermission): Frame | undefined
}

/** Told what a device wrote: from where on, and how much. */
export type DmaWatcher = (iova: bigint, lengthBytes: number) => void

/** What happens to DMA on one host. Nothing here waits: a device does not know of locks. */
export class DeviceDma {
  readonly #watchers = new Map<string, Set<DmaWatcher>>()

  /** @param groupOf - The IOMMU group of a function by its name on the bus. */
  constructor(readonly groupOf: (requester: string) => Group | undefined) {}

  /**
   * A device reads memory.
   *
   * @returns false for an IOMMU fault: what comes before the page that faults was read.
   */
  read(requester: string, iova: bigint, out: Uint8Array): boolean {
    const done = this.#transfer(requester, iova, out, 'read', (frame, at, part) => frame.load(at, part))
    return done === out.length
  }

  /** A device writes memory. @returns false for an IOMMU fault, as {@link DeviceDma.read}. */
  write(requester: string, iova: bigint, data: Uint8Array): boolean {
    const done = this.#transfer(requester, iova, data, 'write', (frame, at, part) => frame.store(at, part))
    if (done > 0) for (const told of this.#watchers.get(requester) ?? []) told(iova, done)
    return done === data.length
  }

  /** Tells of every write of a device, as far as it reached memory. @returns ends it. */
  watch(requester: string, told: DmaWatcher): () => void {
    const watchers = this.#watchers.get(requester) ?? new Set()
    this.#watchers.set(requester, watchers.add(told))
    return () => void watchers.delete(told)
  }

  /** Nobody watches a device any more. */
  unwatch(requester: string): void {
    this.#watchers.delete(requester)
  }

  /** @returns how many bytes were moved. */
  #transfer(
    requester: string,
    iova: bigint,
    bytes: Uint8Array,
    need: keyof DmaPermission,
    move: (frame: Frame, offset: number, part: Uint8Array) => void,
  ): number {
    const domain = this.groupOf(requester)?.domain
    let done = 0
    while (done < bytes.length) {
      const at = iova + BigInt(done)
      const offset = Number(at % PAGE_BYTES)
      const frame = domain?.frameAt(Number(at / PAGE_BYTES), need)
      if (frame === undefined) break
      const end = Math.min(bytes.length, done + PAGE_SIZE_BYTES - offset)
      move(frame, offset, bytes.subarray(done, end))
      done = end
    }
    return done
  }
}
