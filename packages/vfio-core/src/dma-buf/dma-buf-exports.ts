/** The DMA-BUFs of one device, which go and come with its memory. */
import type { DmaBuf } from './dma-buf.ts'

/** All that is exported; moved with the memory lock of the device held for writing. */
export class DmaBufExports {
  readonly buffers: Set<DmaBuf> = new Set()

  /** Whoever imported anything lets go. */
  revoke(): void {
    for (const buffer of this.buffers) buffer.move(true)
  }

  restore(): void {
    for (const buffer of this.buffers) buffer.move(false)
  }

  /** The device is closed: what is left is revoked for ever. Kernel: `vfio_pci_dma_buf_cleanup`. */
  orphanAll(): void {
    for (const buffer of this.buffers) buffer.orphan()
    this.buffers.clear()
  }
}
