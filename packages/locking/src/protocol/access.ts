/**
 * Access: the kernel reads or writes BAR memory for a process.
 *
 * The read side is taken for each single access and never around a copy to user memory, which could
 * fault on a BAR of the same device (H3). Kernel: `vfio_pci_iordwr`, `vfio_pci_core_do_io_rw`.
 */
import { get } from '../cell.ts'
import { type EffectSubject, effect } from '../effect.ts'
import type { GuardedBody } from '../guarded.ts'
import type { ProtocolDevice } from './protocol-device.ts'

/** What invariant I2 watches: a touch of BAR memory of this device. Made once per device. */
export function barAccess(device: ProtocolDevice): EffectSubject {
  return { kind: 'bar-access', devices: [device] }
}

/** One access of the kernel to BAR memory, done only while memory may be touched. */
export function accessBody(
  device: ProtocolDevice,
  subject: EffectSubject,
  touchBar: () => void | Promise<void>,
): GuardedBody<void> {
  const touched = effect('bar access', [undefined], touchBar, subject)
  return { admit: () => get(device.cells.accessible), act: () => touched }
}
