/** How many interrupts of each kind a function has, and what GET_IRQ_INFO says of them. */
import { CAPABILITY_ID } from '@vfiokit/topology'
import { IRQ_FLAGS, IRQ_INFO, PCI_IRQ, VfioError } from '@vfiokit/vfio-core'
import { MSI } from '../config/capability-permissions.ts'
import { HEADER } from '../config/register-permissions.ts'
import { capabilityOffset } from '../config/virtual-config.ts'
import { argumentIn } from '../ioctl-argument.ts'
import type { OpenPciDevice } from '../open-pci-device.ts'

const MSI_CAPABLE_SHIFT = 1
const MSI_CAPABLE_MASK = 7
const MSIX_SIZE_MASK = 0x7ff

const COUNTS: readonly ((open: OpenPciDevice) => number)[] = [
  ({ config }) => (config.copy(HEADER.INTERRUPT_PIN, 1) === 0 ? 0 : 1),
  ({ hardware }) => {
    const at = capabilityOffset(hardware, CAPABILITY_ID.msi)
    if (at === undefined) return 0
    return 2 ** ((hardware.readConfig(at + MSI.FLAGS, 2) >> MSI_CAPABLE_SHIFT) & MSI_CAPABLE_MASK)
  },
  ({ hardware }) => {
    const at = capabilityOffset(hardware, CAPABILITY_ID.msiX)
    return at === undefined ? 0 : (hardware.readConfig(at + 2, 2) & MSIX_SIZE_MASK) + 1
  },
  ({ hardware }) => (capabilityOffset(hardware, CAPABILITY_ID.pciExpress) === undefined ? 0 : 1),
  () => 1,
]

/**
 * How many interrupts an index has. Kernel: `vfio_pci_get_irq_count`.
 *
 * @param index - One of `PCI_IRQ`; others have none.
 */
export function interruptCount(open: OpenPciDevice, index: number): number {
  return COUNTS[index]?.(open) ?? 0
}

/** Whether vectors can be added while others are enabled. */
export function growsVectors({ hardware, profile }: OpenPciDevice): boolean {
  return profile.dynamicMsix && capabilityOffset(hardware, CAPABILITY_ID.msiX) !== undefined
}

/** VFIO_DEVICE_GET_IRQ_INFO. @throws VfioError EINVAL for an index that the device does not have. */
export function interruptInfo(open: OpenPciDevice, argument: Uint8Array): number {
  const { index } = argumentIn(IRQ_INFO, argument)
  const count = interruptCount(open, index)
  if (index >= PCI_IRQ.COUNT || (index === PCI_IRQ.ERR && count === 0))
    throw new VfioError('EINVAL', 'bad-index', `${open.device.id} has no interrupt index ${index}`)
  IRQ_INFO.write(argument, { flags: IRQ_FLAGS.EVENTFD | kindFlags(open, index), count })
  return 0
}

function kindFlags(open: OpenPciDevice, index: number): number {
  if (index === PCI_IRQ.INTX) return IRQ_FLAGS.MASKABLE | IRQ_FLAGS.AUTOMASKED
  return index === PCI_IRQ.MSIX && growsVectors(open) ? 0 : IRQ_FLAGS.NORESIZE
}
