/**
 * A DMA-BUF: memory of a device that other devices may reach, until it is revoked.
 *
 * Revoked means: whoever imported it has let go, and gets it back only when it is restored. Kernel:
 * `drivers/vfio/pci/vfio_pci_dmabuf.c`.
 */
import type { Operation } from '@vfiokit/locking'
import { OpenFile, unknownIoctl } from '../open-file.ts'
import { VfioError } from '../vfio-error.ts'
import type { DmaBufExports } from './dma-buf-exports.ts'

/** A part of a region that is exported. */
export interface DmaBufRange {
  /** In the region, in bytes; whole pages. */
  readonly offset: bigint
  readonly length: bigint
}

/** Somebody who wants to reach the memory of a device. */
export interface DmaBufImporter {
  /** It reaches memory of devices directly, over the bus. */
  readonly peerToPeer: boolean
  /** It can let go when it is told to; without it, nothing is exported to it. */
  readonly revocable: boolean
  /** Told to let go, before anything happens to the memory; when it returns, its maps are gone. */
  invalidated(): void
}

/** One importer's hold on a DMA-BUF. */
export class DmaBufAttachment {
  #isMapped = false

  constructor(
    readonly buffer: DmaBuf,
    readonly importer: DmaBufImporter,
  ) {}

  get isMapped(): boolean {
    return this.#isMapped
  }

  /** @throws VfioError ENODEV while the buffer is revoked. */
  map(): readonly DmaBufRange[] {
    if (this.buffer.isRevoked) throw revoked(this.buffer)
    this.#isMapped = true
    return this.buffer.ranges
  }

  unmap(): void {
    this.#isMapped = false
  }

  /** Tells the importer, and takes its map away. */
  invalidate(): void {
    this.importer.invalidated()
    this.#isMapped = false
  }
}

/** What the DMA_BUF feature answers with: an open file of its own. */
export class DmaBuf extends OpenFile {
  readonly title: string
  readonly attachments: Set<DmaBufAttachment> = new Set()
  #isRevoked: boolean
  #exports: DmaBufExports | undefined

  /** @param isRevoked - Whether memory is off now. */
  constructor(
    exports: DmaBufExports,
    readonly region: number,
    readonly ranges: readonly DmaBufRange[],
    isRevoked: boolean,
  ) {
    super()
    this.title = `dma-buf of region ${region}`
    this.#exports = exports
    this.#isRevoked = isRevoked
    exports.buffers.add(this)
  }

  get isRevoked(): boolean {
    return this.#isRevoked
  }

  /** @throws VfioError EOPNOTSUPP for an importer that cannot do it, ENODEV while it is revoked. */
  attach(importer: DmaBufImporter): DmaBufAttachment {
    if (!importer.peerToPeer)
      throw new VfioError('EOPNOTSUPP', 'unsupported', 'the importer has no peer to peer')
    if (this.#isRevoked) throw revoked(this)
    if (!importer.revocable) throw new VfioError('EOPNOTSUPP', 'unsupported', 'the importer cannot let go')
    const attachment = new DmaBufAttachment(this, importer)
    this.attachments.add(attachment)
    return attachment
  }

  detach(attachment: DmaBufAttachment): void {
    this.attachments.delete(attachment)
  }

  /** Revokes or restores. Doing it again changes nothing. Kernel: `vfio_pci_dma_buf_move`. */
  move(revokes: boolean): void {
    if (this.#isRevoked === revokes) return
    if (revokes) this.#isRevoked = true
    for (const attachment of this.attachments) attachment.invalidate()
    this.#isRevoked = revokes
  }

  /** The device was closed: nothing restores it any more. */
  orphan(): void {
    this.move(true)
    this.#exports = undefined
  }

  override ioctl({ request }: { readonly request: number }): Operation<number> {
    throw unknownIoctl(this.title, request)
  }

  // biome-ignore lint/correctness/useYield: nothing here waits for anybody
  protected override *release(): Operation<void> {
    this.#exports?.buffers.delete(this)
  }
}

function revoked(buffer: DmaBuf): VfioError {
  return new VfioError('ENODEV', 'memory-disabled', `${buffer.title} is revoked`)
}
