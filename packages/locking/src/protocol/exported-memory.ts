/**
 * Exported memory: what other devices were given of the memory of a device goes and comes with it.
 *
 * It is revoked before anything happens to the memory and restored when it may be touched again, both
 * with every reader of the device excluded. Kernel: `vfio_pci_dma_buf_move`.
 */
import { effect } from '../effect.ts'
import { type Body, type Operation, run } from '../op.ts'
import type { ProtocolDevice } from './protocol-device.ts'

/** What a device exports. Neither may wait: nobody who imports may need the device to let go. */
export interface ExportedMemory {
  revoke(): void
  restore(): void
}

/**
 * Runs a body that may take the memory of a device away.
 *
 * @param revokes - Whether it does: a body that only brings memory back revokes nothing.
 */
export function* withExports<T>(device: ProtocolDevice, revokes: boolean, body: Body<T>): Operation<T> {
  const { exported } = device
  if (exported === undefined) return yield* run(body)
  if (revokes) yield* revokeExports(device)
  try {
    return yield* run(body)
  } finally {
    yield* restoreExports(device)
  }
}

/** Whoever imported memory of the device lets go of it. */
export function* revokeExports({ id, exported }: ProtocolDevice): Operation<void> {
  if (exported !== undefined) yield* effect(`revoke exports of ${id}`, [undefined], () => exported.revoke())
}

/** Gives it back, if the memory may be touched. */
export function* restoreExports({ id, exported, cells }: ProtocolDevice): Operation<void> {
  if (exported === undefined) return
  yield* effect(`restore exports of ${id}`, [undefined], () => {
    if (cells.accessible.peek()) exported.restore()
  })
}
